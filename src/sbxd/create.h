/*
 * From the body of POST /sandbox to a checked record: nothing is made before
 * all of it was found good.
 */
#ifndef SBXD_CREATE_H
#define SBXD_CREATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct kit;
struct mounts;
struct record;
struct request;
struct supervisor;

/* What the body says about the making itself. */
struct create_choices {
	bool is_named; /* the name was given, not made up */
	bool start;
	bool reuse; /* one that is there already will do (reuse.h) */
};

/* *ret_kit: NULL without one. Finish the record, destroy the kit. */
int create_check(const struct request *request, struct record *ret, struct create_choices *ret_how,
		 struct kit **ret_kit, struct err *err);

/* Adds one mount of a body, {"source","target","read_only"}, to those there. */
int create_add_mount(struct supervisor *supervisor, json_t *json, bool force, struct mounts *mounts,
		     struct err *err);

/* Adds the ports of a list of docs/api.md to those there. */
struct published_list;
int create_add_ports(json_t *list, struct published_list *ports, struct err *err);

/*
 * An ELF or bzImage kernel for this machine, whole, and not too large for a guest of so much
 * memory; else -EINVAL and a sentence.
 */
int create_check_kernel(const char *path, uint64_t memory_bytes, struct err *err);

/* "K=V" with a K that a shell could name. */
bool create_is_env(const char *text);

#endif
