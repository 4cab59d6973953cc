#include "sbxd/published.h"

#include <errno.h>

#include "base/err.h"
#include "tests/unit/test.h"

static int parse(const char *text, struct published ret[2])
{
	struct err err = ERR_INIT;
	json_t *json = json_loads(text, 0, NULL);
	int r = published_parse(json, ret, &err);

	json_decref(json);
	return r;
}

static bool parses_as(const char *text, const char *first, const char *second)
{
	struct published ports[2];
	char line[PUBLISHED_TEXT_MAX];
	int count = parse(text, ports);

	if (count != (second != NULL ? 2 : 1))
		return false;
	published_format(&ports[0], line);
	if (strcmp(line, first) != 0)
		return false;
	if (second == NULL)
		return true;
	published_format(&ports[1], line);
	return strcmp(line, second) == 0;
}

TEST(protocols_follow_addresses)
{
	CHECK(parses_as("{\"sandbox_port\":80}", "127.0.0.1:0->80/tcp4", NULL));
	CHECK(parses_as("{\"host_ip\":\"::1\",\"host_port\":8080,\"sandbox_port\":80}",
			"[::1]:8080->80/tcp6", NULL));
	CHECK(parses_as("{\"sandbox_port\":80,\"protocol\":\"tcp\"}", "127.0.0.1:0->80/tcp4",
			"[::1]:0->80/tcp6"));
	CHECK(parses_as("{\"sandbox_port\":53,\"protocol\":\"udp\",\"host_port\":5353}",
			"127.0.0.1:5353->53/udp4", "[::1]:5353->53/udp6"));
	CHECK(parses_as("{\"host_ip\":\"::1\",\"sandbox_port\":80,\"protocol\":\"udp\"}",
			"[::1]:0->80/udp6", NULL));
	CHECK(parses_as("{\"sandbox_port\":80,\"protocol\":\"udp6\"}", "[::1]:0->80/udp6", NULL));
}

TEST(nonsense_is_refused)
{
	struct published ports[2];

	CHECK_EQ(parse("{}", ports), -EINVAL);
	CHECK_EQ(parse("{\"sandbox_port\":0}", ports), -EINVAL);
	CHECK_EQ(parse("{\"sandbox_port\":65536}", ports), -EINVAL);
	CHECK_EQ(parse("{\"sandbox_port\":80,\"host_port\":-1}", ports), -EINVAL);
	CHECK_EQ(parse("{\"sandbox_port\":80,\"host_ip\":\"localhost\"}", ports), -EINVAL);
	CHECK_EQ(parse("{\"sandbox_port\":80,\"protocol\":\"sctp\"}", ports), -EINVAL);
	CHECK_EQ(parse("{\"sandbox_port\":80,\"host_ip\":\"::1\",\"protocol\":\"tcp4\"}", ports),
		 -EINVAL);
	CHECK_EQ(parse("{\"sandbox_port\":80,\"more\":1}", ports), -EINVAL);
}

TEST(a_stored_one_is_read_back)
{
	struct published ports[2], again;
	json_t *json;

	CHECK_EQ(parse("{\"sandbox_port\":80,\"host_ip\":\"::1\"}", ports), 1);
	json = published_store(&ports[0]);
	CHECK_EQ(published_load(json, &again), 0);
	CHECK(again.is_any && again.guest_port == 80 && again.protocol == PUBLISHED_TCP6);
	(void)json_object_set_new(json, "protocol", json_string("tcp4"));
	CHECK_EQ(published_load(json, &again), -EINVAL);
	json_decref(json);
}

TEST(a_sandbox_port_alone_selects_all_that_lead_to_it)
{
	struct published wanted[2], there[2], other[2];

	CHECK_EQ(parse("{\"sandbox_port\":80}", wanted), 1);
	CHECK_EQ(parse("{\"sandbox_port\":80,\"host_port\":8080,\"host_ip\":\"0.0.0.0\"}", there),
		 1);
	CHECK_EQ(parse("{\"sandbox_port\":80,\"host_port\":8081}", other), 1);
	CHECK(published_selects(&wanted[0], &there[0]));
	CHECK(published_selects(&wanted[0], &other[0]));
	CHECK(!published_selects(&other[0], &there[0]));
	CHECK(published_selects(&there[0], &there[0]));
}

TEST_MAIN()
