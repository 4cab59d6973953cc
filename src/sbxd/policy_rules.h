/*
 * Rules as they are stored and shown: JSON objects
 *
 *	{"id":"<uuid>","decision":"allow","resources":["example.com:443"],"protocols":["tcp"],
 *	 "methods":"GET,POST","path":"/a","created_via":"added","created_at":1700000000}
 *
 * methods and path are absent in rules of connections. Several resources are
 * one rule to the user, and one `struct policy_rule` each to the decision.
 */
#ifndef SBXD_POLICY_RULES_H
#define SBXD_POLICY_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"

struct err;
struct preset;

enum { POLICY_UUID_SIZE = 37, POLICY_RESOURCES_MAX = 256 };

enum policy_created { CREATED_ADDED, CREATED_PROVISIONED, CREATED_APPROVAL };

/* What the user typed as one rule. Strings are weak. */
struct policy_wish {
	enum policy_decision decision;
	const json_t *resources; /* an array of strings, at least one */
	unsigned protocols;	 /* enum policy_protocol bits; 0: tcp to allow, both to deny */
	const char *methods, *path;
	enum policy_created created;
};

/* Which rules to remove: one of id and resource. "local:" before the id is fine. */
struct policy_selector {
	const char *id, *resource, *methods, *path;
};

struct rule_list {
	struct policy_rule *items; /* owned */
	size_t count, room;
};

void rule_list_finish(struct rule_list *list);
/* Takes the rule over, also when it fails. */
int rule_list_add(struct rule_list *list, struct policy_rule *rule);

const char *policy_created_name(enum policy_created created);

/* The enum policy_protocol bits of an array like ["tcp", "udp"]; 0: it is empty, or another word is
 * in it. */
unsigned stored_rule_protocols(const json_t *list);

/* A new stored rule; -EINVAL with a sentence that names what is wrong. */
int stored_rule_make(const struct policy_wish *wish, json_t **ret, struct err *err);

/* Adds what a stored rule means; -EINVAL when it is none. */
int stored_rule_expand(const json_t *rule, bool is_global, struct rule_list *list, struct err *err);

/* The rules of a policy file or preset in this form; those of one group that differ in nothing
 * but their resource are one. The id is the group's name. */
json_t *stored_rules_of_preset(const struct preset *preset, const char *created_via);

/* A stored rule that says the same, or NULL; weak. */
json_t *stored_rules_find_same(const json_t *rules, const json_t *rule);

/* -EEXIST with a sentence when a rule of these decides otherwise about a resource of this one. */
int stored_rules_check_conflict(const json_t *rules, const json_t *rule, struct err *err);

/*
 * Takes what is selected out of rules, and adds what was taken, as rules, to
 * `removed`. A rule of several resources loses the one that is named.
 */
int stored_rules_remove(json_t *rules, const struct policy_selector *selector, json_t *removed,
			struct err *err);

#endif
