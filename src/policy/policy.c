/*
 * How a verdict comes about: one walk over the rules that may match gathers
 * the first of each sort (struct findings), then judge() reads them in the
 * order that policy.h states. Nothing is allocated and nothing is remembered.
 *
 * Port 0, the question of a resolver, is whether any port would do: one that no
 * rule mentions, or one of those that rules mention.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compiled.h"
#include "policy/http.h"
#include "policy/resource.h"
#include "policy/sentence.h"

enum { NONE = UINT32_MAX };

void policy_rule_finish(struct policy_rule *rule)
{
	policy_resource_finish(&rule->resource);
	free(rule->methods);
	free(rule->path);
	*rule = (struct policy_rule){ .decision = POLICY_DENY };
}

static int compare_ports(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Each port that an allow rule has, once. */
static int gather_ports(struct policy *policy)
{
	size_t count = 0;

	policy->ports = calloc(policy->count + 1, sizeof(*policy->ports));
	if (policy->ports == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < policy->count; i++)
		if (policy->rules[i].decision == POLICY_ALLOW &&
		    policy->rules[i].resource.port != 0)
			policy->ports[count++] = policy->rules[i].resource.port;
	qsort(policy->ports, count, sizeof(*policy->ports), compare_ports);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || policy->ports[i] != policy->ports[i - 1])
			policy->ports[policy->ports_count++] = policy->ports[i];
	return 0;
}

int policy_create(struct policy_rule *rules, size_t count, bool locked_down, struct policy **ret)
{
	struct policy *policy;
	int r;

	if (count > POLICY_RULES_MAX)
		return -E2BIG;
	policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
		return -ENOMEM;
	policy->rules = calloc(count + 1, sizeof(*policy->rules));
	r = policy->rules == NULL ? -ENOMEM : index_create(rules, count, &policy->index);
	if (r < 0) {
		policy_destroy(policy);
		return r;
	}
	policy->locked_down = locked_down;
	for (size_t i = 0; i < count; i++) {
		policy->rules[policy->count++] = rules[i];
		rules[i] = (struct policy_rule){ .decision = POLICY_DENY };
	}
	r = gather_ports(policy);
	if (r < 0) {
		policy_destroy(policy);
		return r;
	}
	*ret = policy;
	return 0;
}

void policy_destroy(struct policy *policy)
{
	if (policy == NULL)
		return;
	for (size_t i = 0; i < policy->count; i++)
		policy_rule_finish(&policy->rules[i]);
	free(policy->rules);
	free(policy->ports);
	index_finish(&policy->index);
	free(policy);
}

/* The first rule of each sort; NONE where there is none. */
struct findings {
	const struct policy *policy;
	const struct policy_question *question;
	bool needs_naming;		   /* only a rule that names the thing can allow it */
	uint32_t deny, allow;		   /* of connections */
	uint32_t ceiling, unnamed;	   /* would allow, were it not for … */
	uint32_t http_denies, http_allows; /* HTTP rules of this host, whatever the request */
	uint32_t http_deny, http_allow;	   /* those that mean this request */
};

static void keep_first(uint32_t *place, uint32_t rule)
{
	if (rule < *place)
		*place = rule;
}

static bool means_request(const struct findings *findings, const struct policy_rule *rule)
{
	const struct policy_question *question = findings->question;

	return question->method != NULL &&
	       http_rule_matches(rule, question->method, question->path);
}

static void consider_deny(struct findings *findings, const struct policy_rule *rule, uint32_t i)
{
	if (http_is_rule(rule)) {
		keep_first(&findings->http_denies, i);
		if (means_request(findings, rule))
			keep_first(&findings->http_deny, i);
	} else if ((rule->protocols & findings->question->protocol) != 0) {
		keep_first(&findings->deny, i);
	}
}

static void consider_allow(struct findings *findings, const struct policy_rule *rule, uint32_t i)
{
	if ((rule->protocols & findings->question->protocol) == 0)
		return;
	if (findings->policy->locked_down && !compiled_passes_ceiling(rule)) {
		keep_first(&findings->ceiling, i);
	} else if (findings->needs_naming && !resource_names(&rule->resource, findings->question)) {
		keep_first(&findings->unnamed, i);
	} else if (!http_is_rule(rule)) {
		keep_first(&findings->allow, i);
	} else {
		keep_first(&findings->http_allows, i);
		if (means_request(findings, rule))
			keep_first(&findings->http_allow, i);
	}
}

static void consider(void *context, uint32_t i)
{
	struct findings *findings = context;
	const struct policy_rule *rule = &findings->policy->rules[i];

	if (!policy_resource_matches(&rule->resource, findings->question))
		return;
	if (rule->decision == POLICY_DENY)
		consider_deny(findings, rule, i);
	else
		consider_allow(findings, rule, i);
}

bool compiled_passes_ceiling(const struct policy_rule *rule)
{
	switch (rule->origin) {
	case POLICY_FROM_USER:
	case POLICY_FROM_APPROVAL:
		return true;
	case POLICY_FROM_PRESET:
	case POLICY_FROM_KIT:
		return false;
	}
	return false;
}

bool compiled_is_unsafe(const struct policy_question *question)
{
	if (question->address.family == ADDRESS_NONE || question->is_host)
		return false;
	return question->is_own || address_kind(&question->address) != ADDRESS_PUBLIC;
}

static const struct policy_rule *rule_at(const struct findings *findings, uint32_t i)
{
	return i == NONE ? NULL : &findings->policy->rules[i];
}

static void set(struct policy_verdict *ret, enum policy_deny_kind kind,
		const struct policy_rule *rule)
{
	ret->decision = kind == POLICY_NOT_DENIED ? POLICY_ALLOW : POLICY_DENY;
	ret->kind = kind;
	ret->rule = rule;
}

/* The rule that denies; NONE. Over UDP (QUIC) no request can be looked into. */
static uint32_t find_deny(const struct findings *findings)
{
	if (findings->deny != NONE)
		return findings->deny;
	if (findings->question->protocol == POLICY_UDP)
		return findings->http_denies;
	return findings->http_deny;
}

static uint32_t find_allow(const struct findings *findings)
{
	if (findings->allow != NONE)
		return findings->allow;
	return findings->question->method == NULL ? findings->http_allows : findings->http_allow;
}

static void judge(const struct findings *findings, struct policy_verdict *ret)
{
	uint32_t deny = find_deny(findings), allow = find_allow(findings);

	ret->needs_http = findings->http_denies != NONE ||
			  (findings->allow == NONE && findings->http_allows != NONE);
	if (deny != NONE)
		set(ret, POLICY_EXPLICIT, rule_at(findings, deny));
	else if (allow != NONE)
		set(ret, POLICY_NOT_DENIED, rule_at(findings, allow));
	else if (compiled_is_unsafe(findings->question))
		set(ret, POLICY_UNSAFE, rule_at(findings, findings->unnamed));
	else if (findings->ceiling != NONE)
		set(ret, POLICY_CEILING, rule_at(findings, findings->ceiling));
	else
		set(ret, POLICY_IMPLICIT, NULL);
}

static void decide_one(const struct policy *policy, const struct policy_question *question,
		       struct policy_verdict *ret)
{
	struct findings findings = {
		.policy = policy,
		.question = question,
		.needs_naming = question->is_host || compiled_is_unsafe(question),
		.deny = NONE,
		.allow = NONE,
		.ceiling = NONE,
		.unnamed = NONE,
		.http_denies = NONE,
		.http_allows = NONE,
		.http_deny = NONE,
		.http_allow = NONE,
	};

	index_visit(&policy->index, question, consider, &findings);
	judge(&findings, ret);
}

/* Decides for both protocols at one port; true when one is allowed. */
static bool decide_protocols(const struct policy *policy, struct policy_question *question,
			     struct policy_verdict *best)
{
	static const enum policy_protocol protocols[] = { POLICY_TCP, POLICY_UDP };

	for (size_t i = 0; i < 2; i++) {
		struct policy_verdict verdict = { .decision = POLICY_DENY };

		question->protocol = protocols[i];
		decide_one(policy, question, &verdict);
		/* of several refusals the one by a rule tells most */
		if (verdict.decision == POLICY_ALLOW || best->kind == POLICY_NOT_DENIED ||
		    (best->kind == POLICY_IMPLICIT && verdict.kind != POLICY_IMPLICIT))
			*best = verdict;
		if (verdict.decision == POLICY_ALLOW)
			return true;
	}
	return false;
}

static void decide_any_port(const struct policy *policy, const struct policy_question *question,
			    struct policy_verdict *ret)
{
	struct policy_question one = *question;
	struct policy_verdict best = { .kind = POLICY_NOT_DENIED };
	bool allowed = decide_protocols(policy, &one, &best);

	for (size_t i = 0; !allowed && i < policy->ports_count; i++) {
		one.port = policy->ports[i];
		allowed = decide_protocols(policy, &one, &best);
	}
	*ret = best;
}

/* NULL, or what is wrong with the question. */
static const char *find_fault(const struct policy_question *question)
{
	char name[POLICY_NAME_MAX + 1];

	if (question->name == NULL && question->address.family == ADDRESS_NONE &&
	    !question->is_host)
		return "neither a name nor an address was asked for";
	if (question->name != NULL &&
	    (policy_name_check(question->name, strnlen(question->name, POLICY_NAME_MAX + 2), name) <
		     0 ||
	     strcmp(name, question->name) != 0))
		return "what was asked for is no host name";
	if (question->port != 0 && question->protocol != POLICY_TCP &&
	    question->protocol != POLICY_UDP)
		return "neither tcp nor udp was asked for";
	if (!http_is_question(question->method, question->path))
		return "the request has no method, or no path in canonical form";
	return NULL;
}

void policy_decide(const struct policy *policy, const struct policy_question *question,
		   struct policy_verdict *ret)
{
	const char *fault = find_fault(question);

	*ret = (struct policy_verdict){ .decision = POLICY_DENY, .kind = POLICY_IMPLICIT };
	if (fault != NULL) {
		ret->kind = POLICY_MALFORMED;
		(void)snprintf(ret->sentence, sizeof(ret->sentence), "%s", fault);
		return;
	}
	if (policy == NULL) {
		(void)snprintf(ret->sentence, sizeof(ret->sentence),
			       "no policy has been told yet (default deny)");
		return;
	}
	if (question->port == 0)
		decide_any_port(policy, question, ret);
	else
		decide_one(policy, question, ret);
	sentence_write(question, ret);
}
