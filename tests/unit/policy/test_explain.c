#include "policy/policy.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

static void gather(void *context, const char *text)
{
	(void)buf_printf(context, "%s\n", text);
}

static struct policy *make(const char *const *resources, size_t count, bool locked_down)
{
	struct policy_rule rules[8] = { { .decision = POLICY_DENY } };
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < count; i++) {
		(void)snprintf(rules[i].id, sizeof(rules[i].id), "r%zu", i);
		rules[i].origin = POLICY_FROM_KIT;
		rules[i].protocols = POLICY_TCP;
		rules[i].decision = resources[i][0] == '!' ? POLICY_DENY : POLICY_ALLOW;
		(void)policy_resource_parse(resources[i] + (resources[i][0] == '!'),
					    &rules[i].resource, &err);
	}
	(void)policy_create(rules, count, locked_down, &policy);
	return policy;
}

TEST(the_chain_names_each_rule_and_the_end)
{
	static const char *const resources[] = { "**.example.com:443", "!www.example.com", "other",
						 "www.example.com:22" };
	const struct policy_question question = { .name = "www.example.com",
						  .port = 443,
						  .protocol = POLICY_TCP };
	autocall(buf_finish) struct buf text;
	struct policy *policy = make(resources, 4, false);

	buf_init(&text, 1 << 16);
	policy_explain(policy, &question, gather, &text);
	CHECK_STR(buf_str(&text),
		  "asked: www.example.com:443 tcp\n"
		  "rule r1 (kit): deny www.example.com tcp: matches\n"
		  "rule r0 (kit): allow **.example.com:443 tcp: matches\n"
		  "rule r3 (kit): allow www.example.com:22 tcp: is for another port\n"
		  "3 of 4 rules are about this host\n"
		  "DENIED: denied: rule \"r1\" matched op(action=net:connect:tcp, "
		  "resource=net:domain:www.example.com:443)\n");
	policy_destroy(policy);
}

TEST(the_ceiling_and_the_address_are_told)
{
	static const char *const resources[] = { "**" };
	struct policy_question question = { .port = 80, .protocol = POLICY_TCP };
	autocall(buf_finish) struct buf text;
	struct policy *policy = make(resources, 1, true);

	(void)address_parse("10.0.0.1", &question.address);
	buf_init(&text, 1 << 16);
	policy_explain(policy, &question, gather, &text);
	CHECK(strstr(buf_str(&text), "locked down: only allow rules") != NULL);
	CHECK(strstr(buf_str(&text), "address: 10.0.0.1 is a private address") != NULL);
	CHECK(strstr(buf_str(&text), "does not count") != NULL);
	CHECK(strstr(buf_str(&text), "DENIED: 10.0.0.1 is a private address") != NULL);
	policy_destroy(policy);
}

TEST(no_policy_and_no_sense)
{
	const struct policy_question question = { .name = "a b", .port = 80 };
	autocall(buf_finish) struct buf text;

	buf_init(&text, 1 << 16);
	policy_explain(NULL, &question, gather, &text);
	CHECK_STR(buf_str(&text), "DENIED: what was asked for is no host name\n");
}

TEST_MAIN()
