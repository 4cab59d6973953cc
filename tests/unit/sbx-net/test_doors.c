/* sbx-net as it runs, in its jail: sbx-proxy, published ports, datagrams. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "net/link.h"
#include "tests/unit/sbx-net/sandbox.h"
#include "tests/unit/test.h"

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

/* N25: rules count when the connection is there, not when it was asked for. */
TEST(a_dial_is_judged_by_the_rules_of_its_end)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	static const char *const addresses[] = { CARD_PEER4 ":0", NULL };
	static const char *const none[] = { NULL }, *const denied[] = { "deny good.test", NULL };
	autocall(net_message_finish) struct net_message flow = { 0 }, dialled = { 0 };
	struct net_message dial;
	struct session session;
	autoclose int inner = -1, outer = -1;

	CHECK(connects(&sandbox, &session, LINK_GATEWAY4 ":3128"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &flow, &inner), 0);
	dial = dial_of(&flow, "good.test", endpoint_of(sandbox.server_text).port);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK(answer_query(&sandbox.names, none));
	CHECK_EQ(card_set_policy(&sandbox.card, denied), 0);
	CHECK(answer_query(&sandbox.names, addresses));
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, EACCES);
	CHECK(outer < 0 && !is_readable(sandbox.server, 0));
	CHECK(sandbox_stop(&sandbox));
}

/* And what was dialled for a flow ends with the rule that allowed it. */
TEST(a_new_deny_cuts_explicit_flows)
{
	WITH_SANDBOX(sandbox, "allow good.test", "allow localhost", NULL);
	static const char *const addresses[] = { CARD_PEER4 ":0", NULL }, *const none[] = { NULL };
	static const char *const denied[] = { "allow localhost", "deny good.test", NULL };
	autocall(net_message_finish) struct net_message flow = { 0 }, host = { 0 }, dialled = { 0 };
	struct net_message dial;
	struct session session, host_session;
	char text[ENDPOINT_TEXT_MAX], bytes[16];
	autoclose int listener = bound_socket(SOCK_STREAM, "127.0.0.1:0", text);
	autoclose int inner = -1, outer = -1, host_inner = -1, host_outer = -1;

	CHECK(connects(&sandbox, &session, LINK_GATEWAY4 ":3128"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &flow, &inner), 0);
	dial = dial_of(&flow, "good.test", endpoint_of(sandbox.server_text).port);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK(answer_query(&sandbox.names, none));
	CHECK(answer_query(&sandbox.names, addresses));
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, 0);
	net_message_finish(&dialled);
	CHECK(connects(&sandbox, &host_session, LINK_GATEWAY4 ":3128"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &host, &host_inner), 0);
	dial = dial_of(&host, LINK_HOST_NAME, endpoint_of(text).port);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &host_outer), 0);
	CHECK_EQ(dialled.error, 0);

	CHECK_EQ(card_set_policy(&sandbox.card, denied), 0);
	CHECK_EQ(session_receive(&sandbox.card, &session, bytes, sizeof(bytes)), -ECONNRESET);
	CHECK_EQ(fd_write_full(host_inner, "still", 5), 0);
	CHECK_EQ(session_receive(&sandbox.card, &host_session, bytes, sizeof(bytes)), 5);
	CHECK(sandbox_stop(&sandbox));
}

/* N09: a name that points inside is denied, not unknown. */
TEST(the_explicit_proxy_is_not_rebound)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	static const char *const inside[] = { "10.0.0.1:0", NULL }, *const none[] = { NULL };
	autocall(net_message_finish) struct net_message flow = { 0 }, dialled = { 0 };
	struct net_message dial;
	struct session session;
	autoclose int inner = -1, outer = -1;

	CHECK(connects(&sandbox, &session, LINK_GATEWAY4 ":3128"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &flow, &inner), 0);
	dial = dial_of(&flow, "good.test", 80);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK(answer_query(&sandbox.names, none));
	CHECK(answer_query(&sandbox.names, inside));
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, EACCES);
	CHECK(dialled.text != NULL);
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

/* What is neither HTTP nor TLS has no name; its address is judged as if there were no proxy. */
TEST(an_opaque_flow_is_judged_by_its_address)
{
	WITH_SANDBOX(sandbox, "allow good.test", NULL);
	char *names[] = { (char *)"good.test", NULL };
	const struct net_message inspect = { .type = NET_INSPECT, .names = names };
	autocall(net_message_finish) struct net_message flow = { 0 }, dialled = { 0 };
	struct net_message dial;
	struct session session;
	autoclose int inner = -1, outer = -1;

	CHECK(learn(&sandbox, "good.test"));
	CHECK(connects(&sandbox, &session, CARD_PEER4 ":443"));
	CHECK_EQ(card_proxy_next(&sandbox.card, &flow, &inner), 0);
	dial = dial_of(&flow, NULL, 443);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, ECONNREFUSED);
	net_message_finish(&dialled);
	/* With a credential for it, nothing passes unseen. */
	CHECK_EQ(card_tell(&sandbox.card, &inspect, -1), 0);
	CHECK_EQ(card_set_policy(&sandbox.card, sandbox_rules), 0);
	CHECK_EQ(card_proxy_tell(&sandbox.card, &dial), 0);
	CHECK_EQ(card_proxy_next(&sandbox.card, &dialled, &outer), 0);
	CHECK_EQ(dialled.error, EACCES);
	CHECK(sandbox_stop(&sandbox));
}

/* ---- published ports */

static bool publish(struct sandbox *sandbox, uint32_t port, uint32_t flags, int *ret_client)
{
	const struct net_message message = { .type = NET_CONNECT, .port = port, .flags = flags };
	char text[ENDPOINT_TEXT_MAX];
	autoclose int listener = bound_socket(SOCK_STREAM, "127.0.0.1:0", text);
	autoclose int near = -1;
	const struct endpoint there = endpoint_of(text);
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(&there, &address);

	*ret_client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(*ret_client, (struct sockaddr *)&address, len) < 0)
		return false;
	near = accepted(listener);
	return card_tell(&sandbox->card, &message, near) == 0;
}

/* The guest's kernel answers a SYN. */
static void answer_syn(struct sandbox *sandbox, const struct packet *syn, uint8_t flags)
{
	const struct packet answer = { .protocol = IPPROTO_TCP,
				       .from = syn->to,
				       .to = syn->from,
				       .seq = flags == (TCP_RST | TCP_ACK) ? 0 : 9000,
				       .ack = syn->seq + 1,
				       .flags = flags };

	card_send_packet(&sandbox->card, &answer);
}

static bool next_syn(struct sandbox *sandbox, const char *to, struct packet *ret)
{
	struct address want = endpoint_of(to).address;

	return card_next_packet(&sandbox->card, ret) && ret->protocol == IPPROTO_TCP &&
	       ret->flags == TCP_SYN && ret->to.port == 8080 &&
	       address_equal(&ret->to.address, &want);
}

TEST(a_published_port_leads_to_the_guest)
{
	WITH_SANDBOX(sandbox, NULL);
	autoclose int client = -1;
	struct packet syn;
	struct session session;
	char text[16] = "";

	CHECK(publish(&sandbox, 8080, 0, &client));
	CHECK(next_syn(&sandbox, LINK_GUEST4 ":0", &syn));
	answer_syn(&sandbox, &syn, TCP_SYN | TCP_ACK);
	session = (struct session){ syn.to, syn.from, 9001, syn.seq + 1 };
	session_send(&sandbox.card, &session, "welcome", 7);
	CHECK_EQ(fd_read_full(client, text, 7), 7);
	CHECK_STR(text, "welcome");
	CHECK_EQ(fd_write_full(client, "hello", 5), 0);
	CHECK_EQ(session_receive(&sandbox.card, &session, text, sizeof(text)), 5);
	CHECK(sandbox_stop(&sandbox));
}

TEST(servers_on_the_guest_s_loopback_are_reached_too)
{
	WITH_SANDBOX(sandbox, NULL);
	autoclose int client = -1;
	struct packet syn;
	struct session session;
	char text[16] = "";

	CHECK(publish(&sandbox, 8080, 0, &client));
	CHECK(next_syn(&sandbox, LINK_GUEST4 ":0", &syn));
	answer_syn(&sandbox, &syn, TCP_RST | TCP_ACK);
	CHECK(next_syn(&sandbox, "127.0.0.1:0", &syn));
	answer_syn(&sandbox, &syn, TCP_SYN | TCP_ACK);
	session = (struct session){ syn.to, syn.from, 9001, syn.seq + 1 };
	session_send(&sandbox.card, &session, "welcome", 7);
	CHECK_EQ(fd_read_full(client, text, 7), 7);
	CHECK(sandbox_stop(&sandbox));
}

TEST(a_published_port_without_a_server_is_closed)
{
	WITH_SANDBOX(sandbox, NULL);
	static const char *const tries[] = { LINK_GUEST4 ":0", "127.0.0.1:0",
					     "[" LINK_GUEST6 "]:0" };
	autoclose int client = -1;
	struct packet syn;
	char text[16];

	CHECK(publish(&sandbox, 8080, 0, &client));
	for (size_t i = 0; i < countof(tries); i++) {
		CHECK(next_syn(&sandbox, tries[i], &syn));
		answer_syn(&sandbox, &syn, TCP_RST | TCP_ACK);
	}
	CHECK(is_readable(client, CARD_WAIT_MS));
	CHECK(recv(client, text, sizeof(text), 0) <= 0);
	CHECK(sandbox_stop(&sandbox));
}

/* What woke the guest is held until a server is up. */
TEST(a_patient_connection_waits_for_a_server)
{
	WITH_SANDBOX(sandbox, NULL);
	static const char *const tries[] = { LINK_GUEST4 ":0", "127.0.0.1:0",
					     "[" LINK_GUEST6 "]:0" };
	autoclose int client = -1;
	struct packet syn;
	struct session session;
	char text[16] = "";

	CHECK(publish(&sandbox, 8080, NET_FLAG_PATIENT, &client));
	for (size_t i = 0; i < 2 * countof(tries); i++) {
		CHECK(next_syn(&sandbox, tries[i % countof(tries)], &syn));
		answer_syn(&sandbox, &syn, TCP_RST | TCP_ACK);
	}
	CHECK(next_syn(&sandbox, LINK_GUEST4 ":0", &syn));
	CHECK(!is_readable(client, 0));
	answer_syn(&sandbox, &syn, TCP_SYN | TCP_ACK);
	session = (struct session){ syn.to, syn.from, 9001, syn.seq + 1 };
	session_send(&sandbox.card, &session, "welcome", 7);
	CHECK_EQ(fd_read_full(client, text, 7), 7);
	CHECK_STR(text, "welcome");
	CHECK(sandbox_stop(&sandbox));
}

/* A guest that speaks from 127.0.0.1 without being asked is not heard. */
TEST(the_guest_s_loopback_opens_nothing)
{
	WITH_SANDBOX(sandbox, "allow 93.184.216.0/24", NULL);
	const struct packet syn = { .protocol = IPPROTO_TCP,
				    .from = endpoint_of("127.0.0.1:4000"),
				    .to = endpoint_of(sandbox.server_text),
				    .seq = 1,
				    .flags = TCP_SYN };
	struct session session;
	autoclose int peer = -1;

	card_send_packet(&sandbox.card, &syn);
	CHECK(connects(&sandbox, &session, sandbox.server_text));
	peer = accepted(sandbox.server);
	CHECK(peer >= 0 && !is_readable(sandbox.server, 0));
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
