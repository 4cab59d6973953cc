#include "sbxd/uplink.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tests/unit/test.h"

static bool without_login_is(const char *url, const char *want)
{
	char *plain = uplink_without_login(url);
	bool same = plain == NULL || want == NULL ? plain == want : strcmp(plain, want) == 0;

	free(plain);
	return same;
}

TEST(resolv_conf_is_read)
{
	struct string_list list = { .count = 0 };

	CHECK_EQ(uplink_parse_resolv_conf("# nameserver 9.9.9.9\n"
					  "nameserver 192.0.2.53\n"
					  "  nameserver\t2001:db8::53 \n"
					  "nameserver fe80::1%eth0\n"
					  "nameserver nonsense\n"
					  "search example.com\nnameserver",
					  &list),
		 0);
	CHECK_EQ(list.count, 2);
	CHECK_STR(list.items[0], "192.0.2.53:53");
	CHECK_STR(list.items[1], "[2001:db8::53]:53");
	string_list_finish(&list);
}

TEST(resolvers_are_bounded)
{
	struct string_list list = { .count = 0 };

	for (int i = 0; i < 20; i++)
		CHECK_EQ(uplink_parse_resolv_conf("nameserver 192.0.2.1\n", &list), 0);
	CHECK_EQ(list.count, 8);
	string_list_finish(&list);
}

TEST(resolvers_may_be_given_with_ports)
{
	struct string_list list = { .count = 0 };

	CHECK_EQ(uplink_parse_resolvers("127.0.0.1:5353, [::1]:5353 192.0.2.1,junk,", &list), 0);
	CHECK_EQ(list.count, 3);
	CHECK_STR(list.items[0], "127.0.0.1:5353");
	CHECK_STR(list.items[1], "[::1]:5353");
	CHECK_STR(list.items[2], "192.0.2.1:53");
	string_list_finish(&list);
}

TEST(exceptions_become_patterns)
{
	struct string_list list = { .count = 0 };

	CHECK_EQ(uplink_parse_no_proxy(".corp.example,host,10.0.0.0/8,192.0.2.1", &list), 0);
	CHECK_EQ(list.count, 6);
	CHECK_STR(list.items[0], "corp.example");
	CHECK_STR(list.items[1], "**.corp.example");
	CHECK_STR(list.items[2], "host");
	CHECK_STR(list.items[4], "10.0.0.0/8");
	CHECK_STR(list.items[5], "192.0.2.1");
	string_list_finish(&list);
}

TEST(a_login_stays_here)
{
	CHECK(without_login_is("http://proxy:3128", "http://proxy:3128"));
	CHECK(without_login_is("http://u:p%40ss@proxy:3128/", "http://proxy:3128"));
	CHECK(without_login_is("http://u:p@ss@proxy:3128", "http://proxy:3128"));
	CHECK(without_login_is("socks5h://[2001:db8::1]:1080", "socks5h://[2001:db8::1]:1080"));
	CHECK(without_login_is("https://proxy:3128", NULL));
	CHECK(without_login_is("http://", NULL));
	CHECK(without_login_is("http://user@/", NULL));
	CHECK(without_login_is("", NULL));
}

/* Whatever the host is, this can be asked twice. */
TEST(nothing_changes_by_itself)
{
	struct uplink *uplink = NULL;
	struct uplink_facts facts;

	CHECK_EQ(setenv("SBX_RESOLVERS", "192.0.2.1", 1), 0);
	CHECK_EQ(setenv("SBX_UPSTREAM_PROXY", "http://u:p@proxy.example:8080", 1), 0);
	CHECK_EQ(uplink_create(&uplink), 0);
	CHECK(!uplink_refresh(uplink));
	CHECK_EQ(uplink_facts(uplink, &facts), 0);
	CHECK_EQ(facts.resolvers.count, 1);
	CHECK(facts.own_addresses.count > 0);
	CHECK_STR(facts.upstream, "http://u:p@proxy.example:8080");
	uplink_facts_finish(&facts);
	uplink_destroy(uplink);
}

TEST_MAIN()
