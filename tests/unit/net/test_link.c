/*
 * Ethernet to UDP: what the stack answers, and what of the guest it does not
 * hear. N19, N20, N21 name attacks that are tried here frame by frame.
 */
#include "base/bytes.h"
#include "base/check.h"
#include "net/stack.h"
#include "tests/unit/net/wire.h"
#include "tests/unit/test.h"

enum { ETH = 14, TCP = 6, UDP = 17, ICMP = 1, ICMP6 = 58 };

static struct wire wire;
static struct seen seen;
static uint8_t frame[NET_FRAME_MAX];

/* Gives the frame; true: it was dropped for this rule, and nothing was answered. */
static bool is_dropped(size_t len, const char *rule)
{
	wire.rule = "";
	wire_give(&wire, frame, len);
	net_stack_flush(wire.stack, wire.now_ms);
	if (strcmp(wire.rule, rule) == 0 && !wire_take(&wire, &seen) && wire.opened == 0 &&
	    wire.datagrams == 0)
		return true;
	printf("# dropped for '%s'\n", wire.rule);
	return false;
}

static size_t build_udp(bool v6)
{
	const struct sent sent = {
		.v6 = v6, .protocol = UDP, .from_port = 1000, .to_port = 53, .len = 30
	};

	return wire_build(&sent, frame);
}

static size_t build_arp(const char *sender, const char *target, uint8_t operation)
{
	const uint8_t head[] = { 0, 1, 8, 0, 6, 4, 0, operation };
	struct endpoint from = wire_endpoint(sender, 0), to = wire_endpoint(target, 0);

	memset(frame, 0xff, 6);
	memcpy(frame + 6, LINK_GUEST_MAC, 6);
	be16_store(frame + 12, 0x0806);
	memcpy(frame + ETH, head, sizeof(head));
	memcpy(frame + ETH + 8, LINK_GUEST_MAC, 6);
	memcpy(frame + ETH + 14, from.address.bytes, 4);
	memset(frame + ETH + 18, 0, 6);
	memcpy(frame + ETH + 24, to.address.bytes, 4);
	return ETH + 28;
}

TEST(arp_answers_for_gateway_and_host)
{
	const char *const ours[] = { LINK_GATEWAY4, LINK_HOST4 };

	wire_start(&wire);
	for (size_t i = 0; i < countof(ours); i++) {
		struct endpoint asked = wire_endpoint(ours[i], 0);

		wire_give(&wire, frame, build_arp(LINK_GUEST4, ours[i], 1));
		CHECK(wire_take(&wire, &seen));
		CHECK_EQ(seen.type, 0x0806);
		CHECK_EQ(be16_load(seen.payload + 6), 2);
		CHECK_MEM(seen.payload + 8, LINK_GATEWAY_MAC, 6);
		CHECK_MEM(seen.payload + 14, asked.address.bytes, 4);
		CHECK_MEM(seen.payload + 18, LINK_GUEST_MAC, 6);
	}
	wire_stop(&wire);
}

TEST(N21_arp_of_other_senders_and_targets)
{
	wire_start(&wire);
	CHECK(is_dropped(build_arp(LINK_GUEST4, "192.0.0.5", 1), ""));
	CHECK(is_dropped(build_arp(LINK_GUEST4, LINK_GUEST4, 1), ""));
	CHECK(is_dropped(build_arp(LINK_GATEWAY4, LINK_GATEWAY4, 1),
			 "ARP: sender is not the guest"));
	CHECK(is_dropped(build_arp(LINK_GUEST4, LINK_GATEWAY4, 2), ""));
	(void)build_arp(LINK_GUEST4, LINK_GATEWAY4, 1);
	frame[ETH + 8] ^= 4;
	CHECK(is_dropped(ETH + 28, "ARP: sender is not the guest"));
	(void)build_arp(LINK_GUEST4, LINK_GATEWAY4, 1);
	frame[ETH + 4] = 5;
	CHECK(is_dropped(ETH + 28, "ARP: malformed"));
	CHECK(is_dropped(build_arp(LINK_GUEST4, LINK_GATEWAY4, 1) - 1, "ARP: malformed"));
	wire_stop(&wire);
}

static size_t build_solicitation(const char *from, const char *target)
{
	const struct sent sent = { .v6 = true,
				   .protocol = ICMP6,
				   .from = from,
				   .to = "ff02::1:ff00:1",
				   .from_port = 135,
				   .len = 24 };
	const uint8_t option[] = { 1, 1 };
	struct endpoint to = wire_endpoint(target, 0);
	size_t len = wire_build(&sent, frame);

	memcpy(frame, "\x33\x33\xff\0\0\1", 6);
	memcpy(frame + ETH + 40 + 8, to.address.bytes, 16);
	memcpy(frame + ETH + 40 + 24, option, sizeof(option));
	wire_seal(frame, len);
	return len;
}

TEST(neighbours_are_advertised)
{
	wire_start(&wire);
	wire_give(&wire, frame, build_solicitation(LINK_GUEST6, LINK_GATEWAY6));
	CHECK(wire_take(&wire, &seen));
	CHECK(seen.v6 && seen.protocol == ICMP6);
	CHECK_EQ(seen.icmp_type, 136);
	CHECK_EQ(seen.payload[-4], 0x60);
	CHECK_MEM(seen.payload, wire_endpoint(LINK_GATEWAY6, 0).address.bytes, 16);
	CHECK_MEM(seen.payload + 18, LINK_GATEWAY_MAC, 6);
	wire_give(&wire, frame, build_solicitation("fe80::73:62ff:fe78:2", LINK_HOST6));
	CHECK(wire_take(&wire, &seen));
	CHECK_MEM(seen.payload, wire_endpoint(LINK_HOST6, 0).address.bytes, 16);
	wire_stop(&wire);
}

TEST(N21_solicitations_that_lie)
{
	size_t len;

	wire_start(&wire);
	CHECK(is_dropped(build_solicitation(LINK_GUEST6, LINK_GUEST6), ""));
	CHECK(is_dropped(build_solicitation("::", LINK_GUEST6), "NDP: sender is not the guest"));
	CHECK(is_dropped(build_solicitation(LINK_GATEWAY6, LINK_GATEWAY6),
			 "NDP: sender is not the guest"));
	len = build_solicitation(LINK_GUEST6, LINK_GATEWAY6);
	frame[ETH + 7] = 254; /* it was forwarded */
	CHECK(is_dropped(len, "NDP: malformed"));
	len = build_solicitation(LINK_GUEST6, LINK_GATEWAY6);
	frame[ETH + 40 + 25] = 0; /* an option without a length */
	wire_seal(frame, len);
	CHECK(is_dropped(len, "NDP: malformed"));
	frame[ETH + 40 + 25] = 2; /* and one that leads out */
	wire_seal(frame, len);
	CHECK(is_dropped(len, "NDP: malformed"));
	len = build_solicitation(LINK_GUEST6, LINK_GATEWAY6);
	frame[ETH + 40 + 2] ^= 1;
	CHECK(is_dropped(len, "NDP: malformed"));
	wire_stop(&wire);
}

TEST(N21_spoofed_addresses)
{
	const struct {
		struct sent sent;
		const char *rule;
	} rows[] = {
		{ { .from = "192.0.0.4" }, "IP: source is not the guest" },
		{ { .from = LINK_GATEWAY4 }, "IP: source is not the guest" },
		{ { .from = "127.0.0.1" }, "IP: source is not the guest" },
		{ { .v6 = true, .from = "fd73:6278::4" }, "IP: source is not the guest" },
		{ { .v6 = true, .from = "fe80::1" }, "IP: source is not the guest" },
		{ { .v6 = true, .from = "::" }, "IP: source is not the guest" },
		{ { .to = LINK_GUEST4 }, "IP: destination is not one host" },
		{ { .to = "224.0.0.251" }, "IP: destination is not one host" },
		{ { .to = "255.255.255.255" }, "IP: destination is not one host" },
		{ { .to = "0.0.0.0" }, "IP: destination is not one host" },
		{ { .v6 = true, .to = "ff02::fb" }, "IP: destination is not one host" },
		{ { .v6 = true, .to = "::" }, "IP: destination is not one host" },
		{ { .v6 = true, .to = LINK_GUEST6 }, "IP: destination is not one host" },
	};

	wire_start(&wire);
	for (size_t i = 0; i < countof(rows); i++) {
		struct sent sent = rows[i].sent;

		sent.protocol = i % 2 == 0 ? UDP : TCP;
		sent.from_port = sent.to_port = 53;
		sent.flags = SEEN_SYN;
		CHECK(is_dropped(wire_build(&sent, frame), rows[i].rule));
	}
	wire_stop(&wire);
}

TEST(N21_ethernet_is_the_guests)
{
	size_t len;

	wire_start(&wire);
	len = build_udp(false);
	frame[11] ^= 1;
	CHECK(is_dropped(len, "Ethernet: source is not the guest"));
	len = build_udp(false);
	frame[5] ^= 1;
	CHECK(is_dropped(len, "Ethernet: destination"));
	len = build_udp(false);
	memset(frame, 0xff, 6);
	CHECK(is_dropped(len, "IP: destination is not one host"));
	len = build_udp(false);
	be16_store(frame + 12, 0x8100);
	CHECK(is_dropped(len, "Ethernet: type"));
	CHECK(is_dropped(ETH - 1, "Ethernet: short"));
	CHECK(is_dropped(0, "Ethernet: short"));
	CHECK_EQ(net_stack_counters(wire.stack)->dropped, 6);
	wire_stop(&wire);
}

TEST(N20_ipv4_options_and_fragments)
{
	size_t len;

	wire_start(&wire);
	len = build_udp(false);
	frame[ETH] = 0x46;
	wire_seal(frame, len);
	CHECK(is_dropped(len, "IPv4: options"));
	for (unsigned bits = 0x2000; bits != 0; bits = bits == 0x2000	? 0x2005
						       : bits == 0x2005 ? 5
									: 0) {
		len = build_udp(false);
		be16_store(frame + ETH + 6, (uint16_t)bits);
		wire_seal(frame, len);
		CHECK(is_dropped(len, "IPv4: fragment"));
	}
	len = build_udp(false);
	frame[ETH + 10] ^= 1;
	CHECK(is_dropped(len, "IPv4: checksum"));
	len = build_udp(false);
	frame[ETH] = 0x44;
	CHECK(is_dropped(len, "IPv4: version or header length"));
	frame[ETH] = 0x65;
	CHECK(is_dropped(len, "IPv4: version or header length"));
	len = build_udp(false);
	be16_store(frame + ETH + 2, (uint16_t)(len - ETH + 1));
	wire_seal(frame, len);
	CHECK(is_dropped(len, "IPv4: length"));
	be16_store(frame + ETH + 2, 19);
	wire_seal(frame, len);
	CHECK(is_dropped(len, "IPv4: length"));
	len = build_udp(false);
	frame[ETH + 8] = 0;
	wire_seal(frame, len);
	CHECK(is_dropped(len, "IPv4: time to live"));
	CHECK(is_dropped(ETH + 19, "IPv4: short"));
	wire_stop(&wire);
}

TEST(N20_ipv6_extension_headers)
{
	const uint8_t extensions[] = { 0, 43, 44, 50, 51, 59, 60, 135 };
	size_t len;

	wire_start(&wire);
	for (size_t i = 0; i < countof(extensions); i++) {
		wire.now_ms += 1000;
		len = build_udp(true);
		frame[ETH + 6] = extensions[i];
		wire_give(&wire, frame, len);
		CHECK_STR(wire.rule, "IP: protocol");
		CHECK(wire_take(&wire, &seen));
		CHECK(seen.icmp_type == 1 && seen.icmp_code == 1);
	}
	len = build_udp(true);
	be16_store(frame + ETH + 4, (uint16_t)(len - ETH - 40 + 1));
	CHECK(is_dropped(len, "IPv6: length"));
	len = build_udp(true);
	frame[ETH] = 0x50;
	CHECK(is_dropped(len, "IPv6: version"));
	len = build_udp(true);
	frame[ETH + 7] = 0;
	CHECK(is_dropped(len, "IPv6: hop limit"));
	CHECK(is_dropped(ETH + 39, "IPv6: short"));
	wire_stop(&wire);
}

TEST(N20_other_protocols_are_prohibited)
{
	const uint8_t protocols[] = { 2, 4, 41, 47, 50, 58, 132, 136, 255 };

	wire_start(&wire);
	for (size_t i = 0; i < countof(protocols); i++) {
		struct sent sent = { .protocol = protocols[i], .to = "93.184.216.34", .len = 40 };

		wire.now_ms += 1000;
		wire_send(&wire, &sent);
		CHECK_STR(wire.rule, "IP: protocol");
		CHECK(wire_take(&wire, &seen));
		CHECK(seen.protocol == ICMP && seen.icmp_type == 3 && seen.icmp_code == 13);
		CHECK(address_equal(&seen.from.address,
				    &(struct address){ ADDRESS_V4, { 192, 0, 0, 1 } }));
	}
	CHECK(wire.opened == 0 && wire.datagrams == 0);
	wire_stop(&wire);
}

TEST(the_gateway_answers_an_echo)
{
	wire_start(&wire);
	for (int v6 = 0; v6 < 2; v6++) {
		const struct sent sent = { .v6 = v6 != 0,
					   .protocol = v6 ? ICMP6 : ICMP,
					   .from_port = v6 ? 128 : 8,
					   .at = 7,
					   .len = 1001 };

		wire_send(&wire, &sent);
		CHECK(wire_take(&wire, &seen));
		CHECK_EQ(seen.icmp_type, v6 ? 129 : 0);
		CHECK_EQ(seen.len, 1001);
		CHECK(seen.payload[0] == wire_byte(7) && seen.payload[1000] == wire_byte(1007));
	}
	wire_stop(&wire);
}

TEST(N19_echo_goes_no_further_than_the_gateway)
{
	wire_start(&wire);
	for (int i = 0; i < 1000; i++) {
		const struct sent sent = {
			.protocol = ICMP, .to = "93.184.216.34", .from_port = 8, .len = 56
		};

		wire_send(&wire, &sent);
		CHECK_STR(wire.rule, "ICMP: echo beyond the gateway");
		if (wire.count == WIRE_FRAMES)
			break;
	}
	/* The rate of errors is limited; each quotes the head of what it answers. */
	CHECK_EQ(wire.count, 50);
	CHECK(wire_take(&wire, &seen));
	CHECK(seen.icmp_type == 3 && seen.icmp_code == 13);
	CHECK_EQ(seen.len, 28);
	CHECK_EQ(seen.payload[20], 8);
	CHECK(wire.datagrams == 0 && wire.opened == 0);
	wire_stop(&wire);
}

TEST(N19_other_icmp_is_dropped)
{
	const uint8_t types[] = { 0, 3, 5, 11, 12, 13, 15, 17, 42 };

	wire_start(&wire);
	for (size_t i = 0; i < countof(types); i++) {
		const struct sent sent = { .protocol = ICMP, .from_port = types[i], .len = 32 };

		CHECK(is_dropped(wire_build(&sent, frame), "ICMP: not an echo request"));
	}
	for (unsigned type = 129; type < 138; type++) {
		const struct sent sent = {
			.v6 = true, .protocol = ICMP6, .from_port = (uint16_t)type, .len = 32
		};

		if (type != 135)
			CHECK(is_dropped(wire_build(&sent, frame), "ICMP: not an echo request"));
	}
	wire_stop(&wire);
}

TEST(datagrams_come_and_go)
{
	const struct endpoint world = wire_endpoint("2001:db8::1", 443);
	const struct endpoint guest = wire_endpoint(LINK_GUEST6, 1000);
	const struct sent sent = { .v6 = true,
				   .protocol = UDP,
				   .to = "2001:db8::1",
				   .from_port = 1000,
				   .to_port = 443,
				   .len = 5000 };
	uint8_t answer[333];

	wire_start(&wire);
	wire.piece = 1000;
	wire_send(&wire, &sent);
	CHECK_EQ(wire.datagrams, 1);
	CHECK_EQ(wire.datagram_len, 5000);
	CHECK(address_equal(&wire.datagram_to.address, &world.address));
	CHECK(wire.datagram_from.port == 1000 && wire.datagram_to.port == 443);
	memset(answer, 7, sizeof(answer));
	net_stack_udp_send(wire.stack, &world, &guest, answer, sizeof(answer));
	CHECK(wire_take(&wire, &seen));
	CHECK(seen.protocol == UDP && seen.from.port == 443 && seen.to.port == 1000);
	CHECK_EQ(seen.len, sizeof(answer));
	CHECK_MEM(seen.payload, answer, sizeof(answer));
	net_stack_udp_refuse(wire.stack, &guest, &world, NET_REFUSE_RESET);
	CHECK(wire_take(&wire, &seen));
	CHECK(seen.icmp_type == 1 && seen.icmp_code == 4);
	net_stack_udp_refuse(wire.stack, &guest, &world, NET_REFUSE_DROP);
	CHECK(!wire_take(&wire, &seen));
	CHECK(!wire_is_wrong());
	wire_stop(&wire);
}

TEST(datagrams_are_checked)
{
	size_t len;

	wire_start(&wire);
	len = build_udp(false);
	frame[len - 1] ^= 1;
	CHECK(is_dropped(len, "UDP: checksum"));
	len = build_udp(true);
	be16_store(frame + ETH + 40 + 6, 0);
	CHECK(is_dropped(len, "UDP: no checksum"));
	len = build_udp(false);
	be16_store(frame + ETH + 20 + 4, 39);
	wire_seal(frame, len);
	CHECK(is_dropped(len, "UDP: length"));
	len = build_udp(false);
	be16_store(frame + ETH + 20 + 4, 7);
	wire_seal(frame, len);
	CHECK(is_dropped(len, "UDP: length"));
	len = build_udp(false);
	be16_store(frame + ETH + 20, 0);
	wire_seal(frame, len);
	CHECK(is_dropped(len, "UDP: port 0"));
	len = build_udp(false); /* without a checksum, as IPv4 may */
	be16_store(frame + ETH + 20 + 6, 0);
	wire_give(&wire, frame, len);
	CHECK_EQ(wire.datagrams, 1);
	wire_stop(&wire);
}

TEST(padding_is_not_payload)
{
	const struct sent sent = { .protocol = UDP, .from_port = 9, .to_port = 53, .len = 3 };
	size_t len;

	wire_start(&wire);
	len = wire_build(&sent, frame);
	memset(frame + len, 0xaa, 60 - len);
	wire_give(&wire, frame, 60);
	CHECK_EQ(wire.datagram_len, 3);
	wire_stop(&wire);
}

TEST(nothing_is_sent_without_room)
{
	wire_start(&wire);
	wire.room = 0;
	wire_give(&wire, frame, build_arp(LINK_GUEST4, LINK_GATEWAY4, 1));
	CHECK_EQ(wire.count, 0);
	wire.room = 1;
	wire.piece = 10;
	wire_give(&wire, frame, build_arp(LINK_GUEST4, LINK_GATEWAY4, 1));
	CHECK_EQ(wire.count, 1);
	wire_stop(&wire);
}

TEST_MAIN()
