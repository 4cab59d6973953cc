#include "sbx-proxy/judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "credential/credential.h"
#include "http/message.h"
#include "net/link.h"
#include "policy/policy.h"
#include "sbx-proxy/control.h"
#include "sbx-proxy/origin.h"

/*
 * sbx-net judged where the connection leads before it made it. Here a name is
 * judged as such; only one that no rule names needs the address that it leads to.
 */
static void decide(const struct policy *policy, struct policy_question *question,
		   const struct address *address, struct policy_verdict *ret)
{
	policy_decide(policy, question, ret);
	if (ret->decision == POLICY_ALLOW || ret->kind != POLICY_IMPLICIT || address == NULL ||
	    question->name == NULL)
		return;
	question->address = *address;
	policy_decide(policy, question, ret);
}

/* An address that was named stands for itself; a name for where it leads. */
static struct policy_question ask(const char *host, uint16_t port)
{
	struct policy_question question = {
		.port = port,
		.protocol = POLICY_TCP,
		.is_host = strcmp(host, LINK_HOST_NAME) == 0,
	};

	if (address_parse(host, &question.address) < 0)
		question.name = host;
	return question;
}

static void refuse(const struct policy_verdict *verdict, struct refusal *ret)
{
	refusal_set(ret, EACCES, verdict->rule != NULL ? verdict->rule->id : "", verdict->sentence);
}

/* Methods that some servers take from a field (P13). */
static const char *overriding_method(const struct http_request *request, size_t *at)
{
	static const char *const names[] = { "x-http-method-override", "x-http-method",
					     "x-method-override" };

	while (*at < request->fields.count) {
		const struct http_field *field = &request->fields.items[(*at)++];

		for (size_t i = 0; i < countof(names); i++)
			if (strcmp(field->name, names[i]) == 0)
				return field->value;
	}
	return NULL;
}

/* Fields that some servers take the path from. */
static bool overrides_path(const struct http_request *request)
{
	return http_fields_count(&request->fields, "x-original-url") > 0 ||
	       http_fields_count(&request->fields, "x-rewrite-url") > 0;
}

static bool allows_overrides(const struct policy *policy, struct policy_question question,
			     const struct http_request *request, struct policy_verdict *verdict)
{
	size_t at = 0;

	while ((question.method = overriding_method(request, &at)) != NULL) {
		policy_decide(policy, &question, verdict);
		if (verdict->decision == POLICY_DENY)
			return false;
	}
	return true;
}

bool judge_request(const struct policy *policy, const struct judge_request *asked, char *ret_rule,
		   size_t rule_size, struct refusal *ret_refusal)
{
	struct policy_question question = ask(asked->host, asked->port);
	struct policy_verdict verdict;

	decide(policy, &question, asked->address, &verdict);
	if (verdict.needs_http && asked->path == NULL) {
		refusal_set(ret_refusal, EACCES, "",
			    "the path can be read in two ways, so no rule can be applied to it");
		return false;
	}
	if (verdict.needs_http && overrides_path(asked->request)) {
		refusal_set(
			ret_refusal, EACCES, "",
			"the request names a second path (X-Original-URL, X-Rewrite-URL), so no "
			"rule can be applied to it");
		return false;
	}
	if (asked->path != NULL) {
		question.method = asked->request->method;
		question.path = asked->path;
		decide(policy, &question, asked->address, &verdict);
	}
	if (verdict.decision == POLICY_ALLOW)
		(void)snprintf(ret_rule, rule_size, "%s",
			       verdict.rule != NULL ? verdict.rule->id : "");
	if (verdict.decision == POLICY_ALLOW &&
	    (!verdict.needs_http || allows_overrides(policy, question, asked->request, &verdict)))
		return true;
	refuse(&verdict, ret_refusal);
	return false;
}

bool judge_connection(const struct policy *policy, const char *host, uint16_t port,
		      const struct address *address, struct refusal *ret_refusal)
{
	struct policy_question question = ask(host, port);
	struct policy_verdict verdict;

	decide(policy, &question, address, &verdict);
	if (verdict.decision == POLICY_ALLOW)
		return true;
	refuse(&verdict, ret_refusal);
	return false;
}

bool judge_needs_http(const struct orders *orders, const char *host, uint16_t port)
{
	struct policy_question question = ask(host, port);
	struct policy_verdict verdict;

	if (orders->secrets != NULL && credentials_bind(orders->secrets->set, host, port))
		return true;
	policy_decide(orders->policy, &question, &verdict);
	return verdict.needs_http;
}

void judge_describe(const struct refusal *refusal, struct net_verdict *to)
{
	bool has_rule = refusal->rule != NULL && refusal->rule[0] != '\0';

	to->decision = refusal->error == EACCES ? POLICY_DENY : POLICY_ALLOW;
	to->text = refusal->text;
	if (refusal->error != EACCES)
		return;
	to->deny_kind = has_rule ? POLICY_EXPLICIT : POLICY_IMPLICIT;
	to->rule = refusal->rule;
}
