/*
 * Inside the library: from a question to the few rules that may match it, by
 * hash of the exact name, of each suffix, and of the address at each prefix
 * length in use. The finder may offer too much, never too little; who visits
 * judges each rule.
 */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct rule_index {
	uint32_t *heads, *next; /* owned; chains of rules, ascending */
	uint32_t mask;		/* heads: mask + 1 of them */
	uint32_t rest;		/* the chain of "**" and of other globs */
	bool bits_used[2][129]; /* prefix lengths of IPv4, IPv6 rules */
};

int index_create(const struct policy_rule *rules, size_t count, struct rule_index *ret);
void index_finish(struct rule_index *index);

/* Calls visit for each rule that may match, some twice, in no order. */
void index_visit(const struct rule_index *index, const struct policy_question *question,
		 void (*visit)(void *context, uint32_t rule), void *context);

#endif
