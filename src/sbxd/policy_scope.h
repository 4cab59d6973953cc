/*
 * One file of the policy store: the global scope, or that of a sandbox.
 *
 *	{"version":1,"preset":"balanced","file":"…","kit":"…","rules":[…]}
 *
 * preset: its name; file: the text of the user's policy file, instead; kit: the
 * rules of its kit in the same form (policy/preset.h). All but rules may be
 * absent. A file that cannot be read denies: the scope is damaged, and
 * whatever it is part of has no rules at all.
 */
#ifndef SBXD_POLICY_SCOPE_H
#define SBXD_POLICY_SCOPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/list.h"
#include "sbxd/name.h"

enum { SCOPE_BYTES_MAX = 4 << 20 };

struct policy_scope {
	struct list node;
	char name[NAME_SIZE]; /* of the sandbox; "": global */
	json_t *json;	      /* owned; what is on disk */
	struct err damage;    /* code 0: none */
};

/* An empty scope. -ENOMEM. */
int scope_init(struct policy_scope *scope, const char *name);
void scope_finish(struct policy_scope *scope);

/* Reads a scope's file; a damaged one is told in scope->damage. -ENOMEM only. */
int scope_load(struct policy_scope *scope, const char *path);

/* Checks text of a scope's file. -EINVAL and a sentence. */
int scope_parse(const char *text, size_t len, json_t **ret, struct err *err);

/* Writes `json` to path and puts it into force, taking it over also when that fails. */
int scope_replace(struct policy_scope *scope, const char *path, json_t *json, struct err *err);

#endif
