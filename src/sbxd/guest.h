/*
 * Talking to a guest's pid 1: connections through sbx-vsock's socket, requests
 * and answers of wire/guest.h. All of it is hostile input, decoded with limits
 * in wire/; every wait has a deadline of clock_now_ms().
 */
#ifndef SBXD_GUEST_H
#define SBXD_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/guest.h"

struct err;
struct frame;

/* A stream to pid 1. session: it counts as attached while open. */
int guest_connect(const char *socket, bool session, uint64_t deadline_ms, int *ret_fd,
		  struct err *err);

/* The events of sbx-vsock: readiness and sessions. */
int guest_events(const char *socket, int *ret_fd, struct err *err);

/* What a frame says; finish it. A GUEST_ERROR is the failure, in the guest's words. */
int guest_decode(const struct frame *frame, struct guest_message *ret, struct err *err);

/*
 * Sends count requests at once and takes as many answers, each of which must be
 * GUEST_OK; the first GUEST_ERROR becomes the failure. The last answer goes to
 * *ret_last (finish it) when that is not NULL.
 */
int guest_ask(int fd, const struct guest_message *requests, size_t count, uint64_t deadline_ms,
	      struct guest_message *ret_last, struct err *err);

/* One request on a connection of its own. */
int guest_call(const char *socket, const struct guest_message *request, uint64_t deadline_ms,
	       struct guest_message *ret_answer, struct err *err);

/*
 * Runs an attached command that prints nothing; *ret_status: what it ended with. -EPROTO when it
 * printed, or a signal ended it.
 */
int guest_run(const char *socket, const struct guest_message *request, uint64_t deadline_ms,
	      uint32_t *ret_status, struct err *err);

/* Calls each for every detached command; what it returns < 0 ends the walk. */
int guest_list(const char *socket, uint64_t deadline_ms,
	       int (*each)(void *context, const struct guest_message *item), void *context,
	       struct err *err);

#endif
