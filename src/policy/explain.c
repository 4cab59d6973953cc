/*
 * The chain of a decision in words. It walks all rules one by one, without the
 * index, so it also is a second way to the same answer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/compiled.h"
#include "policy/http.h"
#include "policy/resource.h"
#include "policy/sentence.h"

enum { LINE_MAX_BYTES = 2048 };

struct teller {
	void (*line)(void *context, const char *text);
	void *context;
};

__attribute__((format(printf, 2, 3))) static void tell(const struct teller *teller,
						       const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	teller->line(teller->context, text);
}

static bool may_match_protocol(const struct policy_rule *rule,
			       const struct policy_question *question)
{
	if (question->port == 0 || (rule->protocols & question->protocol) != 0)
		return true;
	return rule->decision == POLICY_DENY && http_is_rule(rule);
}

/* Why an allow rule that matches does not count; NULL: it does. */
static const char *find_obstacle(const struct policy *policy, const struct policy_rule *rule,
				 const struct policy_question *question)
{
	if (rule->decision == POLICY_DENY)
		return NULL;
	if (policy->locked_down && !compiled_passes_ceiling(rule))
		return "does not count: the policy is locked down and you did not add it";
	if ((question->is_host || compiled_is_unsafe(question)) &&
	    !resource_names(&rule->resource, question))
		return "does not count: it does not name the address";
	return NULL;
}

static const char *describe(const struct policy *policy, const struct policy_rule *rule,
			    const struct policy_question *question)
{
	const char *obstacle;

	if (rule->resource.port != 0 && question->port != 0 &&
	    rule->resource.port != question->port)
		return "is for another port";
	if (!may_match_protocol(rule, question))
		return "is for another protocol";
	obstacle = find_obstacle(policy, rule, question);
	if (obstacle != NULL)
		return obstacle;
	if (question->port == 0 && rule->resource.port != 0)
		return "matches at its port";
	if (!http_is_rule(rule))
		return "matches";
	if (question->method == NULL)
		return "matches the host; each request is judged";
	return http_rule_matches(rule, question->method, question->path)
		       ? "matches"
		       : "is for another method or path";
}

static const char *origin_name(const struct policy_rule *rule)
{
	switch (rule->origin) {
	case POLICY_FROM_PRESET:
		return "preset";
	case POLICY_FROM_USER:
		return rule->is_global ? "global" : "sandbox";
	case POLICY_FROM_KIT:
		return "kit";
	case POLICY_FROM_APPROVAL:
		return "approval";
	}
	return "?";
}

static size_t tell_rules(const struct teller *teller, const struct policy *policy,
			 const struct policy_question *question, enum policy_decision decision)
{
	char text[SENTENCE_RULE_MAX];
	size_t told = 0;

	for (size_t i = 0; i < policy->count; i++) {
		const struct policy_rule *rule = &policy->rules[i];

		if (rule->decision != decision || !resource_matches_host(&rule->resource, question))
			continue;
		sentence_rule(rule, text);
		tell(teller, "rule %s (%s): %s: %s", rule->id, origin_name(rule), text,
		     describe(policy, rule, question));
		told++;
	}
	return told;
}

static void tell_question(const struct teller *teller, const struct policy_question *question)
{
	char target[SENTENCE_TARGET_MAX], address[ADDRESS_TEXT_MAX];

	sentence_target(question, target);
	tell(teller, "asked: %s%s%s%s%s%s", target, question->port == 0 ? " (any port)" : "",
	     question->protocol == POLICY_UDP ? " udp" : " tcp",
	     question->method != NULL ? " " : "", question->method != NULL ? question->method : "",
	     question->path != NULL ? question->path : "");
	if (question->address.family == ADDRESS_NONE)
		return;
	address_format(&question->address, address);
	tell(teller, "address: %s is %s%s", address,
	     question->is_own ? "an address of the host itself"
			      : address_kind_name(address_kind(&question->address)),
	     compiled_is_unsafe(question) ? "; a rule must name it" : "");
}

void policy_explain(const struct policy *policy, const struct policy_question *question,
		    void (*line)(void *context, const char *text), void *context)
{
	const struct teller teller = { .line = line, .context = context };
	struct policy_verdict verdict;
	size_t told;

	policy_decide(policy, question, &verdict);
	if (policy != NULL && verdict.kind != POLICY_MALFORMED) {
		tell_question(&teller, question);
		if (policy->locked_down)
			tell(&teller, "locked down: only allow rules that you added count");
		told = tell_rules(&teller, policy, question, POLICY_DENY);
		told += tell_rules(&teller, policy, question, POLICY_ALLOW);
		tell(&teller, "%zu of %zu rules are about this host", told, policy->count);
		if (verdict.needs_http)
			tell(&teller, "HTTP rules exist: requests are looked into one by one");
	}
	tell(&teller, "%s: %s", verdict.decision == POLICY_ALLOW ? "ALLOWED" : "DENIED",
	     verdict.sentence);
}
