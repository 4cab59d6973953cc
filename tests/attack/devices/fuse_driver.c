#include "tests/attack/devices/fuse_driver.h"

#include <linux/fuse.h>
#include <string.h>

#include "tests/attack/devices/victim.h"

int fuse_call(struct victim *victim, uint32_t opcode, uint64_t node, const void *body, size_t len)
{
	uint8_t bytes[sizeof(struct fuse_in_header) + FUSE_BODY_MAX];
	struct fuse_in_header header = { .len = (uint32_t)(sizeof(header) + len),
					 .opcode = opcode,
					 .unique = ++victim->unique,
					 .nodeid = node,
					 .pid = 1 };
	struct fuse_out_header out;

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), body, len);
	if (victim_ask(victim, bytes, sizeof(header) + len, FUSE_ANSWER_MAX) < (int64_t)sizeof(out))
		return FUSE_LOST;
	memcpy(&out, victim_answer(victim), sizeof(out));
	return out.error;
}

int fuse_call_named(struct victim *victim, uint32_t opcode, uint64_t node, const void *fixed,
		    size_t fixed_len, const void *names, size_t names_len)
{
	uint8_t body[FUSE_BODY_MAX];

	memcpy(body, fixed, fixed_len);
	memcpy(body + fixed_len, names, names_len);
	return fuse_call(victim, opcode, node, body, fixed_len + names_len);
}

const void *fuse_answer(const struct victim *victim)
{
	return victim_answer(victim) + sizeof(struct fuse_out_header);
}

uint64_t fuse_node(struct victim *victim, uint64_t folder, const char *name)
{
	struct fuse_entry_out entry;

	if (fuse_call(victim, FUSE_LOOKUP, folder, name, strlen(name) + 1) != 0)
		return 0;
	memcpy(&entry, fuse_answer(victim), sizeof(entry));
	return entry.nodeid;
}
