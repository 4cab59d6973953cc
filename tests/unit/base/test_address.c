#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/check.h"
#include "tests/unit/test.h"

static struct address parsed(const char *text)
{
	struct address address = { .family = ADDRESS_NONE };

	(void)address_parse(text, &address);
	return address;
}

TEST(text_goes_both_ways)
{
	static const char *const texts[] = { "192.0.2.1", "0.0.0.0",	    "255.255.255.255",
					     "::",	  "2001:db8::1",    "::1",
					     "fe80::1",	  "::ffff:1.2.3.4", "64:ff9b::102:304" };

	for (size_t i = 0; i < countof(texts); i++) {
		struct address address = { .family = ADDRESS_NONE };
		char text[ADDRESS_TEXT_MAX];

		CHECK_EQ(address_parse(texts[i], &address), 0);
		address_format(&address, text);
		CHECK_STR(text, texts[i]);
	}
}

TEST(text_is_whole_and_plain)
{
	static const char *const texts[] = { "",	  "1",		"1.2.3",    "1.2.3.4.5",
					     "01.2.3.4",  "1.2.3.256",	"1.2.3.4 ", " 1.2.3.4",
					     "0x7f.1",	  "2130706433", "[::1]",    "fe80::1%eth0",
					     "1.2.3.4/8", ":::",	"::12345",  "localhost" };

	for (size_t i = 0; i < countof(texts); i++) {
		struct address address = { .family = ADDRESS_V6 };

		CHECK_EQ(address_parse(texts[i], &address), -EINVAL);
		CHECK_EQ(address.family, ADDRESS_V6); /* untouched */
	}
}

TEST(no_address_has_no_text)
{
	const struct address none = { .family = ADDRESS_NONE };
	char text[ADDRESS_TEXT_MAX] = "x";

	address_format(&none, text);
	CHECK_STR(text, "");
}

TEST(endpoints_go_both_ways)
{
	static const char *const texts[] = { "1.2.3.4:0", "255.255.255.255:65535", "[::1]:53",
					     "[2001:db8::1]:443" };

	for (size_t i = 0; i < countof(texts); i++) {
		struct endpoint endpoint, back;
		struct sockaddr_storage socket_address;
		char text[ENDPOINT_TEXT_MAX];

		CHECK_EQ(endpoint_parse(texts[i], &endpoint), 0);
		endpoint_format(&endpoint, text);
		CHECK_STR(text, texts[i]);
		CHECK(endpoint_to_sockaddr(&endpoint, &socket_address) > 0);
		CHECK_EQ(endpoint_from_sockaddr(&socket_address, &back), 0);
		CHECK(address_equal(&endpoint.address, &back.address));
		CHECK_EQ(back.port, endpoint.port);
	}
}

TEST(wrong_endpoints_are_refused)
{
	static const char *const texts[] = {
		"",
		":53",
		"1.2.3.4",
		"1.2.3.4:",
		"1.2.3.4:65536",
		"1.2.3.4:-1",
		"1.2.3.4:5x",
		"::1:53",
		"[::1]53",
		"[::1]",
		"[1.2.3.4]:53",
		"::1]:53",
		"[::1:53",
		"[]:53",
		"name:53",
		"[::1%lo]:53",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:1"
	};
	struct endpoint endpoint;

	for (size_t i = 0; i < countof(texts); i++)
		CHECK_EQ(endpoint_parse(texts[i], &endpoint), -EINVAL);
}

TEST(a_unix_socket_is_no_endpoint)
{
	const struct sockaddr_storage local = { .ss_family = AF_UNIX };
	struct endpoint endpoint;

	CHECK_EQ(endpoint_from_sockaddr(&local, &endpoint), -EAFNOSUPPORT);
}

/* What IPv6 hides, N09. */
TEST(embedded_addresses_come_out)
{
	static const struct {
		const char *outside, *inside;
	} cases[] = {
		{ "::ffff:127.0.0.1", "127.0.0.1" },
		{ "64:ff9b::169.254.169.254", "169.254.169.254" },
		{ "2002:a00:1::", "10.0.0.1" },
		{ "2002:a00:1:2:3:4:5:6", "10.0.0.1" },
		{ "::10.0.0.1", "10.0.0.1" },
		{ "::1", "::1" },
		{ "::", "::" },
		{ "::2", "0.0.0.2" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "64:ff9b:1::10.0.0.1", "64:ff9b:1::a00:1" },
		{ "1.2.3.4", "1.2.3.4" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		const struct address outside = parsed(cases[i].outside);
		const struct address inside = address_unmap(&outside);
		const struct address want = parsed(cases[i].inside);

		CHECK(want.family != ADDRESS_NONE);
		CHECK(address_equal(&inside, &want));
	}
}

TEST(kinds)
{
	static const struct {
		const char *text;
		enum address_kind kind;
	} cases[] = {
		{ "8.8.8.8", ADDRESS_PUBLIC },
		{ "93.184.216.34", ADDRESS_PUBLIC },
		{ "1.0.0.0", ADDRESS_PUBLIC },
		{ "223.255.255.255", ADDRESS_PUBLIC },
		{ "0.0.0.0", ADDRESS_UNSPECIFIED },
		{ "0.1.2.3", ADDRESS_UNSPECIFIED },
		{ "127.0.0.1", ADDRESS_LOOPBACK },
		{ "127.255.255.255", ADDRESS_LOOPBACK },
		{ "10.255.255.255", ADDRESS_PRIVATE },
		{ "172.16.0.0", ADDRESS_PRIVATE },
		{ "172.31.255.255", ADDRESS_PRIVATE },
		{ "172.15.255.255", ADDRESS_PUBLIC },
		{ "172.32.0.0", ADDRESS_PUBLIC },
		{ "192.168.1.1", ADDRESS_PRIVATE },
		{ "169.254.169.254", ADDRESS_LINK_LOCAL },
		{ "168.63.129.16", ADDRESS_LINK_LOCAL },
		{ "168.63.129.17", ADDRESS_PUBLIC },
		{ "100.64.0.0", ADDRESS_SHARED },
		{ "100.127.255.255", ADDRESS_SHARED },
		{ "100.63.255.255", ADDRESS_PUBLIC },
		{ "100.128.0.0", ADDRESS_PUBLIC },
		{ "224.0.0.251", ADDRESS_MULTICAST },
		{ "239.255.255.255", ADDRESS_MULTICAST },
		{ "255.255.255.255", ADDRESS_MULTICAST },
		{ "240.0.0.1", ADDRESS_RESERVED },
		{ "192.0.0.2", ADDRESS_RESERVED },
		{ "192.0.2.1", ADDRESS_RESERVED },
		{ "192.88.99.1", ADDRESS_RESERVED },
		{ "198.18.0.1", ADDRESS_RESERVED },
		{ "198.19.255.255", ADDRESS_RESERVED },
		{ "198.51.100.1", ADDRESS_RESERVED },
		{ "203.0.113.1", ADDRESS_RESERVED },
		{ "2606:4700::1", ADDRESS_PUBLIC },
		{ "2a00:1450::1", ADDRESS_PUBLIC },
		{ "2001:4860:4860::8888", ADDRESS_PUBLIC },
		{ "::", ADDRESS_UNSPECIFIED },
		{ "::1", ADDRESS_LOOPBACK },
		{ "fc00::1", ADDRESS_PRIVATE },
		{ "fd00:ec2::254", ADDRESS_PRIVATE },
		{ "fec0::1", ADDRESS_PRIVATE },
		{ "fe80::1", ADDRESS_LINK_LOCAL },
		{ "febf::1", ADDRESS_LINK_LOCAL },
		{ "ff02::fb", ADDRESS_MULTICAST },
		{ "2001::1", ADDRESS_RESERVED },
		{ "2001:1ff::1", ADDRESS_RESERVED },
		{ "2001:200::1", ADDRESS_PUBLIC },
		{ "2001:db8::1", ADDRESS_RESERVED },
		{ "3fff::1", ADDRESS_RESERVED },
		{ "100::1", ADDRESS_RESERVED },
		{ "4000::1", ADDRESS_RESERVED },
		{ "64:ff9b:1::8.8.8.8", ADDRESS_RESERVED },
		{ "::ffff:127.0.0.1", ADDRESS_LOOPBACK },
		{ "::ffff:8.8.8.8", ADDRESS_PUBLIC },
		{ "64:ff9b::8.8.8.8", ADDRESS_PUBLIC },
		{ "64:ff9b::10.1.2.3", ADDRESS_PRIVATE },
		{ "2002:a9fe:a9fe::1", ADDRESS_LINK_LOCAL },
		{ "2002:808:808::1", ADDRESS_RESERVED },
		{ "::127.0.0.1", ADDRESS_LOOPBACK },
		{ "::8.8.8.8", ADDRESS_RESERVED },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		const struct address address = parsed(cases[i].text);

		if (address_kind(&address) != cases[i].kind)
			TEST_FAIL_("%s is %s", cases[i].text,
				   address_kind_name(address_kind(&address)));
	}
}

TEST(no_address_is_not_public)
{
	const struct address none = { .family = ADDRESS_NONE };

	CHECK_EQ(address_kind(&none), ADDRESS_RESERVED);
	CHECK(!address_in(&none, &none, 0));
}

TEST(nets)
{
	static const struct {
		const char *address, *net;
		unsigned bits;
		bool is_in;
	} cases[] = {
		{ "10.1.2.3", "10.0.0.0", 8, true },
		{ "11.1.2.3", "10.0.0.0", 8, false },
		{ "10.1.2.3", "10.1.2.3", 32, true },
		{ "10.1.2.2", "10.1.2.3", 32, false },
		{ "10.1.2.2", "10.1.2.3", 31, true },
		{ "9.9.9.9", "0.0.0.0", 0, true },
		{ "10.1.2.3", "10.1.2.3", 33, false },
		{ "::1", "::", 0, true },
		{ "::1", "0.0.0.0", 0, false },
		{ "fd00::1", "fc00::", 7, true },
		{ "2001:db8::1", "2001:db8::", 128, false },
		{ "2001:db8::", "2001:db8::", 128, true },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		const struct address address = parsed(cases[i].address), net = parsed(cases[i].net);

		CHECK_EQ(address_in(&address, &net, cases[i].bits), cases[i].is_in);
	}
}

TEST(equal_looks_at_family_and_bytes)
{
	const struct address a = parsed("1.2.3.4"), b = parsed("102:304::"), c = parsed("1.2.3.5");

	CHECK(address_equal(&a, &a));
	CHECK(!address_equal(&a, &b));
	CHECK(!address_equal(&a, &c));
}

TEST_MAIN()
