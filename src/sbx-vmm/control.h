/*
 * The control socket (wire/vmm.h): a listening socket and a few connections,
 * each with asks that are answered at once or when the machine has ended.
 */
#ifndef SBX_VMM_CONTROL_H
#define SBX_VMM_CONTROL_H

#include "base/loop.h"
#include "wire/vmm.h"

enum { CONTROL_PEERS_MAX = 4 };

struct control;
struct err;

struct control_impl {
	/* The state now, for an answer. */
	void (*report)(void *ctx, struct vmm_answer *ret);
	void (*balloon)(void *ctx, uint64_t bytes);
	/* Takes the socket over in any case. */
	int (*backend)(void *ctx, uint64_t index, int socket, struct err *err);
};

struct control_peer {
	struct control *control; /* weak */
	struct loop_watch watch; /* fd -1: free; owned */
	uint8_t ask[VMM_ASK_SIZE];
	size_t got;	/* bytes of it */
	int fd;		/* owned: came with it; -1: none */
	bool wants_end; /* asked VMM_ASK_END */
};

struct control {
	const struct control_impl *impl;
	void *ctx;
	struct loop *loop;	  /* weak */
	struct loop_watch listen; /* fd weak */
	struct control_peer peer[CONTROL_PEERS_MAX];
	unsigned answered; /* asks so far */
};

/* Serves a listening socket, which stays the caller's. */
int control_init(struct control *control, struct loop *loop, int socket,
		 const struct control_impl *impl, void *ctx);

/* The machine has ended: answers those who wait for it. */
void control_tell_end(struct control *control);

void control_finish(struct control *control);

#endif
