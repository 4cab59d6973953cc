/*
 * Inside the library: verdicts and rules as people read them.
 */
#ifndef POLICY_SENTENCE_H
#define POLICY_SENTENCE_H

#include "policy/policy.h"

enum { SENTENCE_TARGET_MAX = 320, SENTENCE_RULE_MAX = 1024 };

/* "example.com:443", "[2001:db8::1]:22". */
void sentence_target(const struct policy_question *question, char ret[SENTENCE_TARGET_MAX]);

/* "allow **.debian.org:443 tcp", "deny example.com tcp POST /a". */
void sentence_rule(const struct policy_rule *rule, char ret[SENTENCE_RULE_MAX]);

/* Fills the sentence of a verdict that is complete otherwise. */
void sentence_write(const struct policy_question *question, struct policy_verdict *verdict);

#endif
