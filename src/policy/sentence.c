#include "policy/sentence.h"

#include <stdio.h>
#include <string.h>

#include "policy/http.h"
#include "policy/resource.h"

/* Room in a sentence: what came from outside is cut. */
enum { TARGET_CUT = 140, PATH_CUT = 64, OPERATION_MAX = 288 };

void sentence_target(const struct policy_question *question, char ret[SENTENCE_TARGET_MAX])
{
	char address[ADDRESS_TEXT_MAX] = "";
	const char *host = question->name;
	bool is_v6 = false;
	size_t len;

	if (host == NULL && question->is_host)
		host = resource_host_names[0];
	if (host == NULL) {
		address_format(&question->address, address);
		is_v6 = question->address.family == ADDRESS_V6;
		host = address;
	}
	(void)snprintf(ret, SENTENCE_TARGET_MAX, is_v6 ? "[%s]" : "%s", host);
	len = strlen(ret);
	if (question->port != 0)
		(void)snprintf(ret + len, SENTENCE_TARGET_MAX - len, ":%u", question->port);
}

static const char *protocols_name(unsigned protocols)
{
	switch (protocols & (POLICY_TCP | POLICY_UDP)) {
	case POLICY_TCP:
		return "tcp";
	case POLICY_UDP:
		return "udp";
	case POLICY_TCP | POLICY_UDP:
		return "tcp,udp";
	default:
		return "none";
	}
}

void sentence_rule(const struct policy_rule *rule, char ret[SENTENCE_RULE_MAX])
{
	char resource[POLICY_RESOURCE_MAX];

	policy_resource_format(&rule->resource, resource);
	(void)snprintf(ret, SENTENCE_RULE_MAX, "%s %s %s%s%s%s%s",
		       rule->decision == POLICY_ALLOW ? "allow" : "deny", resource,
		       protocols_name(rule->protocols), http_is_rule(rule) ? " " : "",
		       http_is_rule(rule) ? rule->methods : "", rule->path != NULL ? " " : "",
		       rule->path != NULL ? rule->path : "");
}

/* "op(action=net:connect:tcp, resource=net:domain:example.com:443)" */
static void write_operation(const struct policy_question *question, char *ret, size_t size)
{
	char target[SENTENCE_TARGET_MAX];
	bool is_name = question->name != NULL || question->is_host;

	sentence_target(question, target);
	if (question->method != NULL)
		(void)snprintf(ret, size, "op(action=http:%.32s, resource=http:%.*s%.*s)",
			       question->method, TARGET_CUT, target, PATH_CUT, question->path);
	else if (question->port == 0)
		(void)snprintf(ret, size, "op(action=net:resolve, resource=net:domain:%.*s)",
			       TARGET_CUT, target);
	else
		(void)snprintf(ret, size, "op(action=net:connect:%s, resource=net:%s:%.*s)",
			       protocols_name(question->protocol), is_name ? "domain" : "ip",
			       TARGET_CUT, target);
}

static void write_unsafe(const struct policy_question *question, struct policy_verdict *verdict)
{
	char address[ADDRESS_TEXT_MAX];

	address_format(&question->address, address);
	(void)snprintf(verdict->sentence, sizeof(verdict->sentence),
		       "%s is %s: only a rule that names the address allows it", address,
		       question->is_own ? "an address of the host itself"
					: address_kind_name(address_kind(&question->address)));
}

void sentence_write(const struct policy_question *question, struct policy_verdict *verdict)
{
	char *text = verdict->sentence;
	char operation[OPERATION_MAX];
	const char *id = verdict->rule != NULL ? verdict->rule->id : "";

	switch (verdict->kind) {
	case POLICY_NOT_DENIED:
	case POLICY_EXPLICIT:
		write_operation(question, operation, sizeof(operation));
		(void)snprintf(text, POLICY_SENTENCE_MAX, "%s: rule \"%s\" matched %s",
			       verdict->kind == POLICY_EXPLICIT ? "denied" : "allowed", id,
			       operation);
		break;
	case POLICY_CEILING:
		(void)snprintf(text, POLICY_SENTENCE_MAX,
			       "locked down: rule \"%s\" would allow it, but only rules that you "
			       "add count",
			       id);
		break;
	case POLICY_UNSAFE:
		write_unsafe(question, verdict);
		break;
	case POLICY_IMPLICIT:
	case POLICY_MALFORMED:
		(void)snprintf(text, POLICY_SENTENCE_MAX, "no matching allow rule (default deny)");
		break;
	}
}
