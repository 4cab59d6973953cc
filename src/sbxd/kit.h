/*
 * The kit that a sandbox is made with: what the command resolved from the
 * user's kits (docs/api.md, POST /sandbox), checked again here, since nothing
 * that reaches the guest or the policy is taken on trust.
 *
 * It is kept with the sandbox, STATE/sandboxes/NAME/kit.json and kit.tar, and
 * never changes. All its texts are those of `json`, found by kit_text().
 */
#ifndef SBXD_KIT_H
#define SBXD_KIT_H

#include <jansson.h>
#include <stdint.h>

struct buf;
struct err;
struct string_list;

enum {
	KIT_FILES_MAX = 256 << 20, /* bytes of kit.tar */
	KIT_BYTES_MAX = 2 << 20,   /* of kit.json */
};

struct kit {
	json_t *json; /* owned */
	int files_fd; /* owned: the tar, until kit_keep() copied it; -1: none, or copied */
};

/* Checks a resolved kit; files is the absolute path of its tar, or NULL. -EINVAL, a sentence. */
int kit_check(json_t *json, const char *files, struct kit **ret, struct err *err);
void kit_destroy(struct kit *kit);

/* Writes it into the sandbox's folder, and reads it from there; -ENOENT: there is none. */
int kit_keep(struct kit *kit, const char *folder, struct err *err);
int kit_load(const char *folder, struct kit **ret, struct err *err);

/* The text, list or object of that name; NULL when it is absent. Weak. */
const char *kit_text(const json_t *object, const char *member);
json_t *kit_list(const struct kit *kit, const char *member);

/* Appends its network rules as a policy file (policy/preset.h). */
int kit_policy(const struct kit *kit, struct buf *ret);

/* Appends NAME=VALUE of its variables. */
int kit_environment(const struct kit *kit, struct string_list *ret);

/* Its ports in the form of POST /sandbox; owned by the caller, NULL without memory. */
json_t *kit_ports(const struct kit *kit);

/* CPUs and bytes that it asks for; 0: nothing. */
void kit_resources(const struct kit *kit, unsigned *ret_cpus, uint64_t *ret_memory_bytes);

/* What the command needs to run it: names and command lines. */
json_t *kit_view(const struct kit *kit);

#endif
