/*
 * Commands of our own in the guest, attached: what they read is given, what
 * they print is kept as far as a tail goes. And files for it, as a tar.
 */
#ifndef SBXD_GUEST_COMMAND_H
#define SBXD_GUEST_COMMAND_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct guest_message;
struct tail;

enum { GUEST_INPUT_MAX = 768 << 10 }; /* bytes of input: all of it waits in memory */

struct guest_command {
	const char *socket;		     /* of sbx-vsock */
	const struct guest_message *request; /* an EXEC that is not detached */
	const char *input;		     /* NULL: nothing, and no STDIN flag in the request */
	size_t input_len;
	uint64_t deadline_ms;
	struct tail *output; /* stdout and stderr, as they come */
};

/* *ret_status: its exit status, or 128 plus the signal that ended it. */
int guest_command_run(const struct guest_command *command, uint32_t *ret_status, struct err *err);

/* Unpacks the tar of descriptor fd, from its start, into a folder that the guest's root owns. */
int guest_push_tar(const char *socket, int fd, const char *folder, uint64_t deadline_ms,
		   struct err *err);

#endif
