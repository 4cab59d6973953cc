/*
 * Who wants to hear of events (wire/vsock.h, VSOCK_EVENTS): each gets the state
 * so far at once, then each change. One that does not read gets the state as it
 * is when it reads again; one that says anything is dropped.
 */
#ifndef SBX_VSOCK_LISTENERS_H
#define SBX_VSOCK_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct loop;

struct listeners {
	struct loop *loop; /* weak */
	struct list list;
	unsigned count;
	bool is_ready;	   /* the guest knocked */
	uint32_t sessions; /* open */
};

void listeners_init(struct listeners *listeners, struct loop *loop);
void listeners_finish(struct listeners *listeners);

/* Adds a connected socket and owns it; -ENOSPC when there are too many, -ENOMEM, and fd stays
 * yours. */
int listeners_add(struct listeners *listeners, int fd);

void listeners_tell_ready(struct listeners *listeners);
void listeners_tell_sessions(struct listeners *listeners, uint32_t sessions);

#endif
