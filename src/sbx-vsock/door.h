/*
 * The listening Unix socket: accepts connections and reads from each what it
 * asks for (wire/vsock.h), no byte more, then hands it over. One that asks
 * nonsense, or nothing in time, is closed.
 */
#ifndef SBX_VSOCK_DOOR_H
#define SBX_VSOCK_DOOR_H

#include "base/list.h"
#include "base/loop.h"

struct vsock_ask_message;

struct door_config {
	struct loop *loop; /* weak */
	int socket;	   /* listening; weak */
	void *owner;
	/* Somebody asked; fd is now the owner's. */
	void (*asked)(void *owner, int fd, const struct vsock_ask_message *message);
};

struct door {
	struct door_config config;
	struct loop_watch watch;
	struct list callers; /* connections that have not asked yet */
	unsigned count;
};

int door_init(struct door *door, const struct door_config *config);
void door_finish(struct door *door);

#endif
