/*
 * The supervisor's side door: mounts that come and go (wire/fs.h). One
 * connection at a time; a supervisor that connects again replaces the last.
 */
#ifndef SBX_FS_CONTROL_H
#define SBX_FS_CONTROL_H

#include "base/buf.h"
#include "base/loop.h"

struct device;

enum { CONTROL_BUFFER_MAX = 8192 };

struct control {
	struct loop *loop;			/* weak */
	struct device *device;			/* weak */
	struct loop_watch listener, connection; /* their descriptors are owned */
	struct buf in;
	int passed; /* the descriptor that came with the request being read, or -1 */
};

/* Accepts on a listening Unix socket, which becomes the control's. */
int control_start(struct control *control, struct loop *loop, struct device *device, int socket);
void control_finish(struct control *control);

#endif
