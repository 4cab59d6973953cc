/* A guest's requests to the shared folders, one at a time. */
#ifndef TESTS_ATTACK_DEVICES_FUSE_DRIVER_H
#define TESTS_ATTACK_DEVICES_FUSE_DRIVER_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

struct victim;

enum { FUSE_BODY_MAX = 8192, FUSE_ANSWER_MAX = 4096, FUSE_LOST = -EPROTO };

/* One request; its error, 0, or FUSE_LOST when no answer came. */
int fuse_call(struct victim *victim, uint32_t opcode, uint64_t node, const void *body, size_t len);

/* With a fixed part, and names (or bytes) behind it. */
int fuse_call_named(struct victim *victim, uint32_t opcode, uint64_t node, const void *fixed,
		    size_t fixed_len, const void *names, size_t names_len);

/* What came back behind the header of the last one. */
const void *fuse_answer(const struct victim *victim);

/* The node of a name, or 0. */
uint64_t fuse_node(struct victim *victim, uint64_t folder, const char *name);

#endif
