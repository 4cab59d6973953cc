#include "sbx-net/place.h"

#include "net/link.h"
#include "tests/unit/test.h"

static enum place place_at(const char *text)
{
	struct address address = { .family = ADDRESS_NONE };

	(void)address_parse(text, &address);
	return place_of(&address);
}

TEST(addresses_of_the_link_are_known)
{
	CHECK_EQ(place_at(LINK_GATEWAY4), PLACE_GATEWAY);
	CHECK_EQ(place_at(LINK_GATEWAY6), PLACE_GATEWAY);
	CHECK_EQ(place_at(LINK_HOST4), PLACE_HOST);
	CHECK_EQ(place_at(LINK_HOST6), PLACE_HOST);
	CHECK_EQ(place_at(LINK_GUEST4), PLACE_GUEST);
	CHECK_EQ(place_at("192.0.0.4"), PLACE_OUTSIDE);
	CHECK_EQ(place_at("127.0.0.1"), PLACE_OUTSIDE);
	CHECK_EQ(place_at("::ffff:192.0.0.1"), PLACE_OUTSIDE);
}

TEST(names_of_the_link_are_known)
{
	CHECK_EQ(place_of_name(LINK_HOST_NAME), PLACE_HOST);
	CHECK_EQ(place_of_name(LINK_GATEWAY_NAME), PLACE_GATEWAY);
	CHECK_EQ(place_of_name("docker.internal"), PLACE_OUTSIDE);
	CHECK_EQ(place_of_name("x." LINK_HOST_NAME), PLACE_OUTSIDE);
}

TEST(names_backwards)
{
	CHECK_STR(place_reverse("1.0.0.192.in-addr.arpa"), LINK_GATEWAY_NAME);
	CHECK_STR(place_reverse("3.0.0.192.in-addr.arpa"), LINK_HOST_NAME);
	CHECK_STR(place_reverse("3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.7.2.6.3.7.d.f."
				"ip6.arpa"),
		  LINK_HOST_NAME);
	CHECK(place_reverse("8.8.8.8.in-addr.arpa") == NULL);
	CHECK(place_reverse("2.0.0.192.in-addr.arpa") == NULL);
}

TEST(published_ports_are_sought_in_three_places)
{
	struct address from, to;

	CHECK(place_published(0, &from, &to));
	CHECK_EQ(place_of(&from), PLACE_GATEWAY);
	CHECK_EQ(place_of(&to), PLACE_GUEST);
	CHECK(place_published(1, &from, &to));
	CHECK_EQ(address_kind(&to), ADDRESS_LOOPBACK);
	CHECK_EQ(from.family, ADDRESS_V4);
	CHECK(place_published(2, &from, &to));
	CHECK_EQ(to.family, ADDRESS_V6);
	CHECK_EQ(from.family, ADDRESS_V6);
	CHECK(!place_published(3, &from, &to));
}

TEST_MAIN()
