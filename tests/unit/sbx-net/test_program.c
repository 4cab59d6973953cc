/* sbx-net as it runs, in its jail: what names and connections of the guest come to. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "net/link.h"
#include "policy/policy.h"
#include "sbx-net/verdicts.h"
#include "tests/unit/sbx-net/sandbox.h"
#include "tests/unit/test.h"

/* ---- names */

static const uint8_t arp_request[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x73, 0x62,
				       0x78, 0x00, 0x02, 0x08, 0x06, 0x00, 0x01, 0x08, 0x00,
				       0x06, 0x04, 0x00, 0x01, 0x02, 0x73, 0x62, 0x78, 0x00,
				       0x02, 192,  0,	 0,    2,    0,	   0,	 0,    0,
				       0,    0,	   192,	 0,    0,    1 };

TEST(the_gateway_answers_arp)
{
	WITH_SANDBOX(sandbox, NULL);

	card_send(&sandbox.card, arp_request, sizeof(arp_request));
	CHECK(card_next(&sandbox.card));
	CHECK_EQ(be16_load(sandbox.card.frame + 12), 0x0806);
	CHECK_EQ(be16_load(sandbox.card.frame + 20), 2);
	CHECK_MEM(sandbox.card.frame + 22, LINK_GATEWAY_MAC, 6);
	CHECK(sandbox_stop(&sandbox));
}

/*
 * The answer takes a receive buffer while its frame is not given back yet. A frame that nobody
 * answers goes first, so that the two do not have the same number.
 */
TEST(an_answered_frame_is_given_back_itself)
{
	WITH_SANDBOX(sandbox, NULL);
	static const uint8_t unknown[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	card_send(&sandbox.card, unknown, sizeof(unknown));
	CHECK_EQ(card_sent(&sandbox.card), 0);
	for (int i = 1; i < 4; i++) {
		card_send(&sandbox.card, arp_request, sizeof(arp_request));
		CHECK(card_next(&sandbox.card));
		CHECK_EQ(card_sent(&sandbox.card), i);
	}
	CHECK(sandbox_stop(&sandbox));
}

/* N06: not one packet leaves for it. */
TEST(a_denied_name_is_refused_without_asking)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	struct net_verdict verdict = { 0 };

	ask(&sandbox, "bad.test", 1);
	CHECK_EQ(answered(&sandbox), RCODE_REFUSED);
	CHECK(!is_readable(sandbox.names.fd, 0));
	CHECK_EQ(card_verdict(&sandbox.card, &verdict), 0);
	CHECK_EQ(verdict.decision, POLICY_DENY);
	CHECK_EQ(verdict.path_kind, NET_PATH_DNS);
	CHECK_STR(verdict.name, "bad.test");
	net_verdict_finish(&verdict);
	ask(&sandbox, "good.test.lan", 16);
	CHECK_EQ(answered(&sandbox), RCODE_REFUSED);
	CHECK(!is_readable(sandbox.names.fd, 0));
	CHECK(sandbox_stop(&sandbox));
}

TEST(nothing_is_allowed_before_a_policy)
{
	struct sandbox sandbox;

	if (no_world != NULL)
		SKIP(no_world);
	CHECK(sandbox_start_bare(&sandbox));
	ask(&sandbox, "good.test", 1);
	CHECK_EQ(answered(&sandbox), RCODE_REFUSED);
	CHECK(sandbox_stop(&sandbox));
}

TEST(an_allowed_name_is_looked_up)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);

	CHECK(learn(&sandbox, "good.test"));
	CHECK(sandbox_stop(&sandbox));
}

/* N09, N10: of two addresses the private one is taken out; the host's own as well. */
TEST(addresses_that_no_rule_names_are_taken_out)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	static const char *const two[] = { "10.0.0.1:0", CARD_PEER4 ":0", NULL };
	static const char *const metadata[] = { "169.254.169.254:0", NULL };
	static const char *const own[] = { CARD_OTHER4 ":0", NULL };
	struct session session;
	struct net_verdict verdict = { 0 };

	ask(&sandbox, "good.test", 1);
	CHECK(answer_query(&sandbox.names, two));
	CHECK_EQ(answered(&sandbox), ONE_RECORD);
	CHECK_EQ(card_verdict(&sandbox.card, &verdict), 0);
	CHECK_STR(verdict.address, "10.0.0.1");
	CHECK_EQ(verdict.deny_kind, POLICY_UNSAFE);
	net_verdict_finish(&verdict);
	ask(&sandbox, "good.test", 1);
	CHECK(answer_query(&sandbox.names, metadata));
	CHECK_EQ(answered(&sandbox), 0);
	ask(&sandbox, "good.test", 1);
	CHECK(answer_query(&sandbox.names, own));
	CHECK_EQ(answered(&sandbox), 0);
	CHECK(!connects(&sandbox, &session, "10.0.0.1:7"));
	CHECK(sandbox_stop(&sandbox));
}

/* N17, and a type that nobody needs. */
TEST(strange_types_are_not_forwarded)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);

	ask(&sandbox, "good.test", 65);
	CHECK_EQ(answered(&sandbox), 0);
	ask(&sandbox, "good.test", 255);
	CHECK_EQ(answered(&sandbox), RCODE_REFUSED);
	ask(&sandbox, "good.test", 10);
	CHECK_EQ(answered(&sandbox), RCODE_REFUSED);
	CHECK(!is_readable(sandbox.names.fd, 0));
	CHECK(sandbox_stop(&sandbox));
}

TEST(names_of_the_link_are_known)
{
	WITH_SANDBOX(sandbox, NULL);

	ask(&sandbox, LINK_HOST_NAME, 1);
	CHECK_EQ(answered(&sandbox), ONE_RECORD);
	ask(&sandbox, LINK_GATEWAY_NAME, 28);
	CHECK_EQ(answered(&sandbox), ONE_RECORD);
	ask(&sandbox, "3.0.0.192.in-addr.arpa", 12);
	CHECK_EQ(answered(&sandbox), ONE_RECORD);
	ask(&sandbox, "8.8.8.8.in-addr.arpa", 12);
	CHECK_EQ(answered(&sandbox), RCODE_REFUSED);
	CHECK(!is_readable(sandbox.names.fd, 0));
	CHECK(sandbox_stop(&sandbox));
}

TEST(names_are_answered_by_tcp_too)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	static const char *const addresses[] = { CARD_PEER4 ":0", NULL };
	struct session session;
	uint8_t query[2 + 512], reply[512];
	size_t len = put_query(query + 2, "good.test", 1);

	be16_store(query, (uint16_t)len);
	CHECK(connects(&sandbox, &session, LINK_GATEWAY4 ":53"));
	session_send(&sandbox.card, &session, query, 1);
	session_send(&sandbox.card, &session, query + 1, len + 1);
	CHECK(answer_query(&sandbox.names, addresses));
	CHECK(session_receive(&sandbox.card, &session, reply, sizeof(reply)) > 14);
	CHECK_EQ(be16_load(reply + 2), 0x1234);
	CHECK_EQ(be16_load(reply + 8), 1);
	CHECK(sandbox_stop(&sandbox));
}

/* ---- connections */

TEST(bytes_go_both_ways)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	struct session session;
	char text[16] = "";
	autoclose int peer = -1;

	CHECK(learn(&sandbox, "good.test"));
	CHECK(connects(&sandbox, &session, sandbox.server_text));
	peer = accepted(sandbox.server);
	session_send(&sandbox.card, &session, "ping", 4);
	CHECK_EQ(fd_read_full(peer, text, 4), 4);
	CHECK_STR(text, "ping");
	CHECK_EQ(fd_write_full(peer, "pong!", 5), 0);
	CHECK_EQ(session_receive(&sandbox.card, &session, text, sizeof(text)), 5);
	CHECK_MEM(text, "pong!", 5);
	CHECK_EQ(shutdown(peer, SHUT_WR), 0);
	CHECK_EQ(session_receive(&sandbox.card, &session, text, sizeof(text)), 0);
	CHECK(sandbox_stop(&sandbox));
}

/* P01: the address of an allowed host, but nobody asked for its name. */
TEST(an_address_without_its_name_is_refused)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	struct session session;
	struct net_verdict verdict = { 0 };

	CHECK(!connects(&sandbox, &session, sandbox.server_text));
	CHECK_EQ(card_verdict(&sandbox.card, &verdict), 0);
	CHECK_EQ(verdict.decision, POLICY_DENY);
	CHECK_STR(verdict.address, CARD_PEER4);
	net_verdict_finish(&verdict);
	CHECK(!connects(&sandbox, &session, CARD_PEER4 ":443"));
	CHECK(!connects(&sandbox, &session, CARD_PEER4 ":80"));
	CHECK(!is_readable(sandbox.server, 0));
	CHECK(!is_readable(sandbox.card.proxy, 0));
	CHECK(sandbox_stop(&sandbox));
}

TEST(an_address_rule_needs_no_name)
{
	WITH_SANDBOX(sandbox, "allow 93.184.216.0/24", NULL);
	struct session session;
	autoclose int peer = -1;

	CHECK(connects(&sandbox, &session, sandbox.server_text));
	peer = accepted(sandbox.server);
	CHECK(peer >= 0);
	CHECK(sandbox_stop(&sandbox));
}

/* N22; and a port that is closed looks the same. */
TEST(a_closed_port_is_a_reset)
{
	WITH_SANDBOX(sandbox, "allow 93.184.216.0/24", NULL);
	struct session session;

	CHECK(!connects(&sandbox, &session, CARD_PEER4 ":9"));
	CHECK(sandbox_stop(&sandbox));
}

/* N02, N03: other resolvers are addresses like all others. */
TEST(other_resolvers_are_refused)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	struct session session;
	uint8_t query[512];
	const struct packet packet = { .protocol = IPPROTO_UDP,
				       .from = endpoint_of(LINK_GUEST4 ":5353"),
				       .to = endpoint_of("8.8.8.8:53"),
				       .payload = query,
				       .len = put_query(query, "good.test", 1) };
	struct packet back;

	CHECK(!connects(&sandbox, &session, "8.8.8.8:53"));
	CHECK(!connects(&sandbox, &session, "8.8.8.8:853"));
	card_send_packet(&sandbox.card, &packet);
	CHECK(card_next_packet(&sandbox.card, &back));
	CHECK_EQ(back.protocol, IPPROTO_ICMP);
	CHECK(sandbox_stop(&sandbox));
}

/* N25 */
TEST(a_new_deny_cuts_what_is_open)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	static const char *const denied[] = { "allow good.test", "deny good.test", NULL };
	struct session session;
	char text[16];
	autoclose int peer = -1;

	CHECK(learn(&sandbox, "good.test"));
	CHECK(connects(&sandbox, &session, sandbox.server_text));
	peer = accepted(sandbox.server);
	CHECK_EQ(card_set_policy(&sandbox.card, denied), 0);
	CHECK_EQ(session_receive(&sandbox.card, &session, text, sizeof(text)), -ECONNRESET);
	CHECK_EQ(recv(peer, text, sizeof(text), 0), -1);
	CHECK_EQ(errno, ECONNRESET);
	CHECK(!connects(&sandbox, &session, sandbox.server_text));
	CHECK(sandbox_stop(&sandbox));
}

TEST(the_policy_stays_while_sbxd_is_away)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	struct net_verdict verdict = { 0 };

	(void)shutdown(sandbox.card.control.fd, SHUT_RDWR);
	CHECK(learn(&sandbox, "good.test"));
	ask(&sandbox, "bad.test", 1);
	CHECK_EQ(answered(&sandbox), RCODE_REFUSED);
	CHECK_EQ(card_connect(&sandbox.card), 0);
	CHECK_EQ(card_verdict(&sandbox.card, &verdict), 0);
	CHECK_STR(verdict.name, "bad.test");
	net_verdict_finish(&verdict);
	CHECK(sandbox_stop(&sandbox));
}

/* A name that no other number has, long, so that its verdict is large. */
static const char *long_name(unsigned number)
{
	static char name[256];

	(void)snprintf(name, sizeof(name), "%060u.%060u.%060u.bad.test", number, number, number);
	return name;
}

/*
 * An sbxd that does not read, and a guest that makes verdicts until no more of them can wait:
 * new policies are in force, sbxd is told so when it reads again, and is still heard then.
 */
TEST(a_flood_of_verdicts_keeps_no_policy_away)
{
	WITH_SANDBOX(sandbox, "allow " CARD_PEER4, NULL);
	static const char *const none[] = { NULL };
	const struct net_message begin = { .type = NET_POLICY_BEGIN, .generation = 1000 };
	const struct net_message end = { .type = NET_POLICY_END };
	const uint64_t begun_ms = clock_now_ms();
	struct session session;
	unsigned asked = 0;

	/* Those that were told make room for others after their window only. */
	while (asked < 3000 || clock_left_ms(begun_ms + 3 * VERDICTS_WINDOW_MS) > 0) {
		ask(&sandbox, long_name(asked++), 1);
		CHECK_EQ(answered(&sandbox), RCODE_REFUSED);
	}
	for (int i = 0; i < 40; i++) {
		CHECK_EQ(card_tell(&sandbox.card, &begin, -1), 0);
		CHECK_EQ(card_tell(&sandbox.card, &end, -1), 0);
	}
	while (connects(&sandbox, &session, sandbox.server_text))
		(void)close(accepted(sandbox.server));
	CHECK_EQ(card_set_policy(&sandbox.card, none), 0);
	CHECK(sandbox_stop(&sandbox));
}

TEST(host_services_need_a_rule)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	static char rule[64], to[ENDPOINT_TEXT_MAX], text[ENDPOINT_TEXT_MAX];
	const char *const rules[] = { rule, NULL };
	autoclose int listener = bound_socket(SOCK_STREAM, "127.0.0.1:0", text);
	struct session session;
	autoclose int peer = -1;

	(void)snprintf(rule, sizeof(rule), "allow localhost%s", strrchr(text, ':'));
	(void)snprintf(to, sizeof(to), LINK_HOST4 "%s", strrchr(text, ':'));
	CHECK(!connects(&sandbox, &session, to));
	CHECK_EQ(card_set_policy(&sandbox.card, rules), 0);
	CHECK(connects(&sandbox, &session, to));
	peer = accepted(listener);
	CHECK(peer >= 0);
	CHECK(sandbox_stop(&sandbox));
}

int main(void)
{
	no_world = card_enter_world();
	return test_main();
}
