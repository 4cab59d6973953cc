/* sbx-net as it runs: in its jail, between a scripted guest, sbxd, sbx-proxy and servers. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "net/link.h"
#include "policy/policy.h"
#include "tests/unit/sbx-net/card.h"
#include "tests/unit/test.h"

static const char *no_world; /* why the tests cannot run here */
static uint16_t next_port = 40000;

/* ---- servers outside */

static int bound_socket(int type, const char *where, char ret_text[ENDPOINT_TEXT_MAX])
{
	struct endpoint endpoint = endpoint_of(where);
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(&endpoint, &address);
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 16) < 0))
		return -1;
	len = sizeof(address);
	(void)getsockname(fd, (struct sockaddr *)&address, &len);
	(void)endpoint_from_sockaddr(&address, &endpoint);
	endpoint_format(&endpoint, ret_text);
	return fd;
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd there = { .fd = fd, .events = POLLIN };

	return poll(&there, 1, timeout_ms) == 1;
}

static int accepted(int listener)
{
	return is_readable(listener, CARD_WAIT_MS) ? accept4(listener, NULL, NULL, SOCK_CLOEXEC)
						   : -1;
}

/* The host's resolver: answers one query with an address, or with two. */
struct name_server {
	int fd;
	char text[ENDPOINT_TEXT_MAX];
};

static size_t put_answer(uint8_t *at, const char *address)
{
	const struct address value = endpoint_of(address).address;
	size_t size = value.family == ADDRESS_V4 ? 4 : 16;

	be16_store(at, 0xc00c);
	be16_store(at + 2, size == 4 ? 1 : 28);
	be16_store(at + 4, 1);
	be32_store(at + 6, 1);
	be16_store(at + 10, (uint16_t)size);
	memcpy(at + 12, value.bytes, size);
	return 12 + size;
}

static bool answer_query(const struct name_server *server, const char *const *addresses)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	uint8_t bytes[1500];
	ssize_t n;
	size_t end;
	uint16_t count = 0;

	if (!is_readable(server->fd, CARD_WAIT_MS))
		return false;
	n = recvfrom(server->fd, bytes, 512, 0, (struct sockaddr *)&from, &from_len);
	if (n < 12)
		return false;
	end = 12 + strlen((char *)bytes + 12) + 5;
	for (; addresses[count] != NULL; count++)
		end += put_answer(bytes + end, addresses[count]);
	be16_store(bytes + 2, 0x8180);
	be16_store(bytes + 6, count);
	be16_store(bytes + 10, 0);
	return sendto(server->fd, bytes, end, 0, (struct sockaddr *)&from, from_len) ==
	       (ssize_t)end;
}

/* ---- the sandbox */

struct sandbox {
	struct card card;
	struct name_server names;
	int server; /* listens at CARD_PEER4 */
	char server_text[ENDPOINT_TEXT_MAX];
};

static bool sandbox_start(struct sandbox *sandbox, const char *const *rules)
{
	char *resolvers[] = { sandbox->names.text, NULL };
	char *own[] = { (char *)CARD_OTHER4, NULL };
	const struct net_message host = { .type = NET_HOST,
					  .resolvers = resolvers,
					  .own_addresses = own };

	sandbox->names.fd = bound_socket(SOCK_DGRAM, "127.0.0.1:0", sandbox->names.text);
	sandbox->server = bound_socket(SOCK_STREAM, CARD_PEER4 ":0", sandbox->server_text);
	return sandbox->names.fd >= 0 && sandbox->server >= 0 && card_start(&sandbox->card) == 0 &&
	       card_tell(&sandbox->card, &host, -1) == 0 &&
	       card_set_policy(&sandbox->card, rules) == 0;
}

static bool sandbox_stop(struct sandbox *sandbox)
{
	(void)close(sandbox->names.fd);
	(void)close(sandbox->server);
	return card_stop(&sandbox->card);
}

#define WITH_SANDBOX(name, ...)                                    \
	struct sandbox name;                                       \
	static const char *const name##_rules[] = { __VA_ARGS__ }; \
	if (no_world != NULL)                                      \
		SKIP(no_world);                                    \
	CHECK(sandbox_start(&(name), name##_rules))

static size_t put_query(uint8_t query[512], const char *name, uint16_t type)
{
	size_t at = 12;

	memset(query, 0, 512);
	be16_store(query, 0x1234);
	be16_store(query + 2, 0x0100);
	be16_store(query + 4, 1);
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		query[at++] = (uint8_t)len;
		memcpy(query + at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	at++;
	be16_store(query + at, type);
	be16_store(query + at + 2, 1);
	return at + 4;
}

static void ask(struct sandbox *sandbox, const char *name, uint16_t type)
{
	uint8_t query[512];
	const struct packet packet = { .protocol = IPPROTO_UDP,
				       .from = endpoint_of(LINK_GUEST4 ":5353"),
				       .to = endpoint_of(LINK_GATEWAY4 ":53"),
				       .payload = query,
				       .len = put_query(query, name, type) };

	card_send_packet(&sandbox->card, &packet);
}

/* The resolver's answer: rcode in the low byte, the number of records above; -1: none. */
static int answered(struct sandbox *sandbox)
{
	struct packet packet;

	if (!card_next_packet(&sandbox->card, &packet) || packet.protocol != IPPROTO_UDP ||
	    packet.len < 12 || be16_load(packet.payload) != 0x1234)
		return -1;
	return (packet.payload[3] & 15) | be16_load(packet.payload + 6) << 8;
}

enum { RCODE_REFUSED = 5, ONE_RECORD = 1 << 8 };

/* The guest learns the peer's address under this name. */
static bool learn(struct sandbox *sandbox, const char *name)
{
	static const char *const addresses[] = { CARD_PEER4 ":0", NULL };

	ask(sandbox, name, 1);
	return answer_query(&sandbox->names, addresses) && answered(sandbox) == ONE_RECORD;
}

static bool connects(struct sandbox *sandbox, struct session *session, const char *to)
{
	return session_open(&sandbox->card, session, to, next_port++);
}

/* ---- names */

TEST(the_gateway_answers_arp)
{
	WITH_SANDBOX(sandbox, NULL);
	static const uint8_t request[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x73, 0x62,
					   0x78, 0x00, 0x02, 0x08, 0x06, 0x00, 0x01, 0x08, 0x00,
					   0x06, 0x04, 0x00, 0x01, 0x02, 0x73, 0x62, 0x78, 0x00,
					   0x02, 192,  0,    0,	   2,	 0,    0,    0,	   0,
					   0,	 0,    192,  0,	   0,	 1 };

	card_send(&sandbox.card, request, sizeof(request));
	CHECK(card_next(&sandbox.card));
	CHECK_EQ(be16_load(sandbox.card.frame + 12), 0x0806);
	CHECK_EQ(be16_load(sandbox.card.frame + 20), 2);
	CHECK_MEM(sandbox.card.frame + 22, LINK_GATEWAY_MAC, 6);
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
	sandbox.names.fd = bound_socket(SOCK_DGRAM, "127.0.0.1:0", sandbox.names.text);
	sandbox.server = bound_socket(SOCK_STREAM, CARD_PEER4 ":0", sandbox.server_text);
	CHECK_EQ(card_start(&sandbox.card), 0);
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

/* ---- sbx-proxy */

static struct net_message dial_of(const struct net_message *flow, const char *name, uint32_t port)
{
	return (struct net_message){
		.type = NET_DIAL, .id = 77, .flow = flow->id, .name = (char *)name, .port = port
	};
}

TEST(http_ports_go_through_the_proxy)
{
	WITH_SANDBOX(sandbox, "allow good.test", "allow 93.184.216.0/24:9", NULL);
	autocall(net_message_finish) struct net_message flow = { 0 }, dialled = { 0 };
	struct net_message dial;
	struct session session;
	char text[16] = "";
	autoclose int inner = -1, outer = -1;

	CHECK(learn(&sandbox, "good.test"));
	CHECK(connects(&sandbox, &session, CARD_PEER4 ":443"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &flow, &inner), 0);
	CHECK_EQ(flow.type, NET_FLOW);
	CHECK_EQ(flow.kind, NET_FLOW_TRANSPARENT);
	CHECK_STR(flow.address, CARD_PEER4);
	CHECK_EQ(flow.port, 443);
	CHECK_EQ(fd_set_nonblock(inner, false), 0);
	session_send(&sandbox.card, &session, "hello", 5);
	CHECK_EQ(fd_read_full(inner, text, 5), 5);
	CHECK_EQ(fd_write_full(inner, "hi", 2), 0);
	CHECK_EQ(session_receive(&sandbox.card, &session, text, sizeof(text)), 2);

	/* Another name is not what led there, nor is another port. */
	dial = dial_of(&flow, "evil.test", 443);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.type, NET_DIALLED);
	CHECK_EQ(dialled.id, 77);
	CHECK_EQ(dialled.error, EACCES);
	CHECK(dialled.text != NULL && outer < 0);
	net_message_finish(&dialled);
	dial = dial_of(&flow, "good.test", 9);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, EINVAL);
	net_message_finish(&dialled);
	/* The right one; nobody listens there. */
	dial = dial_of(&flow, "good.test", 443);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, ECONNREFUSED);
	CHECK(sandbox_stop(&sandbox));
}

TEST(the_explicit_proxy_dials_by_name)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	static const char *const addresses[] = { CARD_PEER4 ":0", NULL }, *const none[] = { NULL };
	autocall(net_message_finish) struct net_message flow = { 0 }, dialled = { 0 };
	struct net_message dial;
	struct session session;
	char text[16] = "";
	autoclose int inner = -1, outer = -1, peer = -1;
	uint32_t port = endpoint_of(sandbox.server_text).port;

	CHECK(connects(&sandbox, &session, LINK_GATEWAY4 ":3128"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &flow, &inner), 0);
	CHECK_EQ(flow.kind, NET_FLOW_EXPLICIT);
	dial = dial_of(&flow, "Bad.test", port);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, EACCES);
	CHECK(!is_readable(sandbox.names.fd, 0));
	net_message_finish(&dialled);

	dial = dial_of(&flow, "Good.Test.", port);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK(answer_query(&sandbox.names, none));
	CHECK(answer_query(&sandbox.names, addresses));
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, 0);
	CHECK_EQ(fd_set_nonblock(outer, false), 0);
	peer = accepted(sandbox.server);
	CHECK_EQ(fd_write_full(peer, "deep", 4), 0);
	CHECK_EQ(fd_read_full(outer, text, 4), 4);
	CHECK(sandbox_stop(&sandbox));
}

TEST(a_hardcoded_destination_of_the_explicit_proxy_needs_an_address_rule)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	autocall(net_message_finish) struct net_message flow = { 0 }, dialled = { 0 };
	struct net_message dial;
	struct session session;
	autoclose int inner = -1, outer = -1;

	CHECK(connects(&sandbox, &session, LINK_GATEWAY4 ":3128"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &flow, &inner), 0);
	dial = dial_of(&flow, CARD_PEER4, 443);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, EACCES);
	net_message_finish(&dialled);
	dial = dial_of(&flow, "127.0.0.1", 443);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, EACCES);
	CHECK(sandbox_stop(&sandbox));
}

TEST(the_ssh_agent_is_the_proxy_s)
{
	WITH_SANDBOX(sandbox, NULL);
	autocall(net_message_finish) struct net_message flow = { 0 };
	struct session session;
	autoclose int inner = -1;

	CHECK(connects(&sandbox, &session, LINK_GATEWAY4 ":3129"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &flow, &inner), 0);
	CHECK_EQ(flow.kind, NET_FLOW_SSH_AGENT);
	CHECK(!connects(&sandbox, &session, LINK_GATEWAY4 ":22"));
	CHECK(sandbox_stop(&sandbox));
}

/* ---- datagrams */

TEST(datagrams_need_a_rule_of_their_own)
{
	WITH_SANDBOX(sandbox, "allow 93.184.216.0/24", NULL);
	static const char *const rules[] = { "udp 93.184.216.0/24", NULL };
	char text[ENDPOINT_TEXT_MAX];
	autoclose int peer = bound_socket(SOCK_DGRAM, CARD_PEER4 ":0", text);
	const struct packet packet = { .protocol = IPPROTO_UDP,
				       .from = endpoint_of(LINK_GUEST4 ":7777"),
				       .to = endpoint_of(text),
				       .payload = (const uint8_t *)"ping",
				       .len = 4 };
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	struct packet back;
	char bytes[16];

	card_send_packet(&sandbox.card, &packet);
	CHECK(card_next_packet(&sandbox.card, &back));
	CHECK_EQ(back.protocol, IPPROTO_ICMP);
	CHECK(!is_readable(peer, 0));
	CHECK_EQ(card_set_policy(&sandbox.card, rules), 0);
	card_send_packet(&sandbox.card, &packet);
	CHECK(is_readable(peer, CARD_WAIT_MS));
	CHECK_EQ(recvfrom(peer, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_len), 4);
	CHECK_EQ(sendto(peer, "pong!", 5, 0, (struct sockaddr *)&from, from_len), 5);
	CHECK(card_next_packet(&sandbox.card, &back));
	CHECK_EQ(back.protocol, IPPROTO_UDP);
	CHECK_EQ(back.to.port, 7777);
	CHECK_EQ(back.len, 5);
	CHECK(sandbox_stop(&sandbox));
}

TEST(a_published_udp_port_leads_to_the_guest)
{
	WITH_SANDBOX(sandbox, NULL);
	char text[ENDPOINT_TEXT_MAX], client_text[ENDPOINT_TEXT_MAX];
	autoclose int port = bound_socket(SOCK_DGRAM, "127.0.0.1:0", text);
	autoclose int client = bound_socket(SOCK_DGRAM, "127.0.0.1:0", client_text);
	struct endpoint there = endpoint_of(text);
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(&there, &address);
	struct packet packet, answer;
	char bytes[16];

	CHECK_EQ(card_tell(&sandbox.card,
			   &(struct net_message){ .type = NET_LISTEN_UDP, .id = 1, .port = 5000 },
			   port),
		 0);
	CHECK_EQ(sendto(client, "query", 5, 0, (struct sockaddr *)&address, len), 5);
	CHECK(card_next_packet(&sandbox.card, &packet));
	CHECK_EQ(packet.to.port, 5000);
	CHECK_EQ(packet.len, 5);
	answer = (struct packet){ .protocol = IPPROTO_UDP,
				  .from = packet.to,
				  .to = packet.from,
				  .payload = (const uint8_t *)"reply!",
				  .len = 6 };
	card_send_packet(&sandbox.card, &answer);
	CHECK(is_readable(client, CARD_WAIT_MS));
	CHECK_EQ(recv(client, bytes, sizeof(bytes), 0), 6);
	CHECK(sandbox_stop(&sandbox));
}

int main(void)
{
	no_world = card_enter_world();
	return test_main();
}
