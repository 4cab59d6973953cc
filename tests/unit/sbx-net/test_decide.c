#include "sbx-net/decide.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "tests/unit/test.h"
#include "wire/net.h"

/* Rules: "allow", "deny", "udp" (allowed), "get" or "block" (HTTP rules), a space, a resource. */
static void add_rule(struct policy_rule *rule, const char *text)
{
	const char *resource = strchr(text, ' ') + 1;
	struct err err = ERR_INIT;

	*rule = (struct policy_rule){ .origin = POLICY_FROM_USER, .protocols = POLICY_TCP };
	(void)policy_resource_parse(resource, &rule->resource, &err);
	(void)snprintf(rule->id, sizeof(rule->id), "local:%s", text);
	rule->decision = strchr("db", text[0]) != NULL ? POLICY_DENY : POLICY_ALLOW;
	if (text[0] == 'u')
		rule->protocols = POLICY_UDP;
	if (strchr("gb", text[0]) != NULL)
		rule->methods = strdup("GET");
}

static struct decider decider;

static void start(const char *const *rules)
{
	struct policy_rule list[8];
	struct policy *policy = NULL;
	size_t count = 0;

	(void)decider_init(&decider);
	for (; rules[count] != NULL; count++)
		add_rule(&list[count], rules[count]);
	(void)policy_create(list, count, false, &policy);
	decider_set_policy(&decider, policy);
}

#define WITH_RULES(...) start((const char *const[]){ __VA_ARGS__, NULL })

static struct endpoint at(const char *text)
{
	struct endpoint endpoint = { .port = 0 };

	(void)endpoint_parse(text, &endpoint);
	return endpoint;
}

static void pin(const char *name, const char *text)
{
	const struct address address = at(text).address;

	(void)dns_pins_add(decider.pins, name, &address, 60, 0);
}

static enum route route_of(const char *text, enum policy_protocol protocol)
{
	const struct endpoint to = at(text);
	struct ruling ruling;

	decide_address(&decider, &to, protocol, 0, &ruling);
	return ruling.route;
}

TEST(without_a_policy_nothing_goes)
{
	struct policy_verdict verdict;

	CHECK_EQ(decider_init(&decider), 0);
	decide_name(&decider, "a.test", &verdict);
	CHECK_EQ(verdict.decision, POLICY_DENY);
	CHECK_EQ(route_of("8.8.8.8:7", POLICY_TCP), ROUTE_NONE);
	decider_finish(&decider);
}

TEST(a_name_lets_its_addresses_through)
{
	WITH_RULES("allow a.test");
	pin("a.test", "8.8.8.8:0");
	CHECK_EQ(route_of("8.8.8.8:7", POLICY_TCP), ROUTE_DIRECT);
	CHECK_EQ(route_of("8.8.8.8:443", POLICY_TCP), ROUTE_PROXY);
	CHECK_EQ(route_of("8.8.4.4:7", POLICY_TCP), ROUTE_NONE);
	CHECK_EQ(route_of("8.8.4.4:443", POLICY_TCP), ROUTE_NONE);
	CHECK_EQ(route_of("8.8.8.8:7", POLICY_UDP), ROUTE_NONE);
	decider_finish(&decider);
}

/* One address of many hosts: the allowed one counts, a denied one is shown its page. */
TEST(an_address_of_several_names)
{
	struct endpoint to = at("8.8.8.8:7");
	struct ruling ruling;

	WITH_RULES("allow a.test", "deny b.test");
	pin("a.test", "8.8.8.8:0");
	pin("b.test", "8.8.8.8:0");
	pin("b.test", "8.8.4.4:0");
	decide_address(&decider, &to, POLICY_TCP, 0, &ruling);
	CHECK_EQ(ruling.route, ROUTE_DIRECT);
	CHECK_STR(dns_pin_name(ruling.pin), "a.test");
	CHECK_EQ(route_of("8.8.4.4:443", POLICY_TCP), ROUTE_PROXY);
	CHECK_EQ(route_of("8.8.4.4:7", POLICY_TCP), ROUTE_NONE);
	decider_finish(&decider);
}

TEST(http_rules_and_credentials_need_the_proxy)
{
	char *names[] = { (char *)"b.test", (char *)"not a pattern", NULL };
	const struct net_message inspect = { .names = names };

	WITH_RULES("get a.test", "allow b.test", "allow c.test");
	CHECK_EQ(decider_set_inspect(&decider, &inspect), 0);
	pin("a.test", "8.8.8.1:0");
	pin("b.test", "8.8.8.2:0");
	pin("c.test", "8.8.8.3:0");
	CHECK_EQ(route_of("8.8.8.1:8080", POLICY_TCP), ROUTE_PROXY);
	CHECK_EQ(route_of("8.8.8.2:8080", POLICY_TCP), ROUTE_PROXY);
	CHECK_EQ(route_of("8.8.8.3:8080", POLICY_TCP), ROUTE_DIRECT);
	decider_finish(&decider);
}

TEST(datagrams_need_a_rule_for_datagrams)
{
	WITH_RULES("allow a.test", "udp b.test", "udp 8.8.4.0/24");
	pin("a.test", "8.8.8.8:0");
	pin("b.test", "8.8.8.9:0");
	CHECK_EQ(route_of("8.8.8.8:443", POLICY_UDP), ROUTE_NONE);
	CHECK_EQ(route_of("8.8.8.9:443", POLICY_UDP), ROUTE_DIRECT);
	CHECK_EQ(route_of("8.8.4.4:443", POLICY_UDP), ROUTE_DIRECT);
	CHECK_EQ(route_of("8.8.4.4:443", POLICY_TCP), ROUTE_NONE);
	decider_finish(&decider);
}

TEST(the_host_s_own_addresses_need_a_rule_of_theirs)
{
	char *own[] = { (char *)"8.8.8.8", (char *)"nonsense", (char *)"2606::8", NULL };
	const struct net_message host = { .own_addresses = own };
	const struct address mine = at("8.8.8.8:0").address,
			     mapped = at("[::ffff:8.8.8.8]:0").address;
	const struct address other = at("8.8.8.9:0").address;

	WITH_RULES("allow a.test", "allow 8.8.8.8");
	CHECK_EQ(decider_set_host(&decider, &host), 0);
	CHECK(decider_is_own(&decider, &mine) && decider_is_own(&decider, &mapped));
	CHECK(!decider_is_own(&decider, &other));
	CHECK(decide_handing_out(&decider, "a.test", &mine));
	decider_finish(&decider);
	WITH_RULES("allow a.test", "allow **");
	CHECK_EQ(decider_set_host(&decider, &host), 0);
	CHECK(!decide_handing_out(&decider, "a.test", &mine));
	CHECK(decide_handing_out(&decider, "a.test", &other));
	pin("a.test", "8.8.8.8:0");
	CHECK_EQ(route_of("8.8.8.8:7", POLICY_TCP), ROUTE_NONE);
	decider_finish(&decider);
}

TEST(inner_addresses_are_handed_out_by_an_address_rule_only)
{
	const struct address inner = at("10.0.0.1:0").address;

	WITH_RULES("allow a.test");
	CHECK(!decide_handing_out(&decider, "a.test", &inner));
	decider_finish(&decider);
	WITH_RULES("allow a.test", "allow 10.0.0.0/8");
	CHECK(decide_handing_out(&decider, "a.test", &inner));
	decider_finish(&decider);
}

TEST(the_host_needs_a_rule)
{
	struct ruling ruling;

	WITH_RULES("allow localhost:8080", "allow **");
	decide_host(&decider, 8080, POLICY_TCP, &ruling);
	CHECK_EQ(ruling.route, ROUTE_DIRECT);
	decide_host(&decider, 8081, POLICY_TCP, &ruling);
	CHECK_EQ(ruling.route, ROUTE_NONE);
	decide_host(&decider, 8080, POLICY_UDP, &ruling);
	CHECK_EQ(ruling.route, ROUTE_NONE);
	decider_finish(&decider);
}

/* P01, P02 */
TEST(a_dial_to_a_given_address_must_fit_its_name)
{
	const struct endpoint to = at("8.8.8.8:443");
	struct policy_verdict verdict;

	WITH_RULES("allow a.test", "deny b.test");
	decide_dial(&decider, "a.test", &to, true, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_DENY);
	decide_dial(&decider, "a.test", &to, false, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_ALLOW); /* its resolver said so */
	pin("a.test", "8.8.8.8:0");
	decide_dial(&decider, "a.test", &to, true, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_ALLOW);
	decide_dial(&decider, "b.test", &to, true, 0, &verdict);
	CHECK_EQ(verdict.kind, POLICY_EXPLICIT);
	decide_dial(&decider, NULL, &to, true, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_DENY);
	decider_finish(&decider);
}

TEST(an_address_rule_does_without_the_name_but_not_against_it)
{
	const struct endpoint to = at("8.8.8.8:443");
	struct policy_verdict verdict;

	WITH_RULES("allow 8.8.8.8", "deny b.test");
	decide_dial(&decider, "a.test", &to, true, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_ALLOW);
	decide_dial(&decider, "b.test", &to, true, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_DENY);
	decider_finish(&decider);
}

TEST(what_is_opaque_must_need_no_look)
{
	const struct endpoint a = at("8.8.8.1:443"), b = at("8.8.8.2:443");
	struct policy_verdict verdict;

	WITH_RULES("allow a.test", "allow b.test", "block b.test");
	pin("a.test", "8.8.8.1:0");
	pin("b.test", "8.8.8.2:0");
	decide_opaque(&decider, &a, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_ALLOW);
	decide_opaque(&decider, &b, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_DENY);
	/* The same address may be meant as either. */
	pin("b.test", "8.8.8.1:0");
	decide_opaque(&decider, &a, 0, &verdict);
	CHECK_EQ(verdict.decision, POLICY_DENY);
	decider_finish(&decider);
}

TEST(a_proxy_of_the_host_is_gone_through)
{
	char *no_proxy[] = { (char *)"**.corp.test", NULL };
	const struct net_message host = { .upstream = (char *)"socks5://[2606::1]:1080",
					  .no_proxy = no_proxy };
	const struct net_message none = { .upstream = (char *)"nonsense" };
	const struct endpoint to = at("8.8.8.8:22");

	WITH_RULES("allow a.test", "allow b.corp.test");
	pin("a.test", "8.8.8.8:0");
	pin("b.corp.test", "8.8.4.4:0");
	CHECK_EQ(route_of("8.8.8.8:22", POLICY_TCP), ROUTE_DIRECT);
	CHECK_EQ(decider_set_host(&decider, &host), 0);
	CHECK_STR(decider.upstream.host, "2606::1");
	CHECK_EQ(decider.upstream.port, 1080);
	CHECK_EQ(route_of("8.8.8.8:22", POLICY_TCP), ROUTE_PROXY);
	CHECK_EQ(route_of("8.8.4.4:22", POLICY_TCP), ROUTE_DIRECT);
	CHECK(decider_goes_upstream(&decider, "a.test", &to));
	CHECK(!decider_goes_upstream(&decider, "x.corp.test", &to));
	CHECK_EQ(decider_set_host(&decider, &none), 0);
	CHECK(decider.upstream.host == NULL);
	decider_finish(&decider);
}

TEST_MAIN()
