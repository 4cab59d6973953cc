/*
 * A tar stream to or from the guest: PUSH and PULL of wire/guest.h, on a
 * connected socket of their own. A guest that neither takes nor gives a byte for a
 * minute ends the transfer with a sentence.
 */
#ifndef SBX_TRANSFER_H
#define SBX_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/stream.h"

struct guest_message;
struct progress;

struct transfer {
	struct stream stream;
	struct progress *progress; /* weak; ticked while waiting */
	/* Asked before each piece and while waiting; true ends it with -EINTR. NULL: never. */
	bool (*interrupted)(void);
};

/* socket stays the caller's; to be finished also after a failure. */
int transfer_begin(struct transfer *transfer, int socket, struct progress *progress,
		   const struct guest_message *request, struct err *err);
void transfer_finish(struct transfer *transfer);

/* PUSH: sends a piece of the archive, of any length. A refusal of the guest is told at once. */
int transfer_send(struct transfer *transfer, const void *bytes, size_t len, struct err *err);

/* PUSH: the archive is complete; 0 once the guest has it all. */
int transfer_send_end(struct transfer *transfer, struct err *err);

/* PULL: the next piece, valid until the next call: 1, 0 at the end, or -errno. */
int transfer_receive(struct transfer *transfer, const uint8_t **ret_bytes, size_t *ret_len,
		     struct err *err);

#endif
