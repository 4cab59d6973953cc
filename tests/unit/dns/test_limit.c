#include "dns/limit.h"

#include "tests/unit/test.h"

static struct dns_limit *limit;

static bool take(unsigned number, const char *zone, uint64_t now_ms)
{
	char name[300];

	(void)snprintf(name, sizeof(name), "%060u.%s", number, zone);
	return dns_limit_take(limit, name, now_ms);
}

/* New names of 61 bytes until there are no more, at a given time. */
static unsigned take_all(unsigned first, const char *zone, uint64_t now_ms)
{
	unsigned count = 0;

	while (count < 1000 && take(first + count, zone, now_ms))
		count++;
	return count;
}

TEST(zones_are_two_labels)
{
	CHECK_STR(dns_zone_of("a.b.github.com"), "github.com");
	CHECK_STR(dns_zone_of("github.com"), "github.com");
	CHECK_STR(dns_zone_of("com"), "com");
	CHECK_STR(dns_zone_of(""), "");
	CHECK_STR(dns_zone_of("data.t.co"), "t.co");
}

/* N07: what a tunnel can say is a burst and a trickle. */
TEST(a_tunnel_dries_up)
{
	const unsigned burst = DNS_LIMIT_BURST / 61;

	CHECK_EQ(dns_limit_create(1, &limit), 0);
	CHECK_EQ(take_all(0, "github.com", 0), burst);
	CHECK_EQ(take_all(1000, "github.com", 0), 0);
	/* A minute later there is a minute's worth. */
	CHECK_EQ(take_all(2000, "github.com", 60000),
		 (60 * DNS_LIMIT_PER_SECOND + DNS_LIMIT_BURST % 61) / 61);
	CHECK_EQ(take_all(3000, "github.com", 60000), 0);
	CHECK_EQ(take_all(4000, "github.com", 1000ull * 3600 * 24), burst);
	dns_limit_destroy(limit);
}

TEST(known_names_and_other_zones_are_free)
{
	CHECK_EQ(dns_limit_create(1, &limit), 0);
	CHECK(take_all(0, "github.com", 0) > 0);
	CHECK(take(0, "github.com", 0));
	CHECK(take(1, "github.com", 0));
	CHECK(dns_limit_take(limit, "github.com", 0));
	CHECK(take(5000, "gitlab.com", 0));
	dns_limit_destroy(limit);
}

/* Many zones push an empty purse out, and it does not come back full. */
TEST(a_forgotten_purse_is_not_a_full_one)
{
	unsigned sum = 0;

	CHECK_EQ(dns_limit_create(1, &limit), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < DNS_LIMIT_ZONES + 1; i++) {
			char zone[32];

			(void)snprintf(zone, sizeof(zone), "zone%u.com", i);
			sum += take_all(10000 * round, zone, 0);
		}
	}
	CHECK(sum <= DNS_LIMIT_ZONES * (DNS_LIMIT_BURST / 61) * 2);
	dns_limit_destroy(limit);
}

TEST_MAIN()
