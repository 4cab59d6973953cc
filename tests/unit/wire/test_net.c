#include "wire/net.h"

#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "wire/tlv.h"

static char *no_strings[] = { NULL };

/* Encodes, cuts the frame out, decodes. */
static int there_and_back(const struct net_message *message, struct net_message *ret)
{
	autocall(buf_finish) struct buf buf;
	struct frame frame;
	int r;

	buf_init(&buf, 1 << 20);
	r = net_message_append(&buf, message);
	if (r < 0)
		return r;
	if (frame_parse(buf.data, buf.len, &frame) != (int)buf.len)
		return -EBADMSG;
	return net_message_decode(&frame, ret);
}

TEST(every_field_travels)
{
	char *resolvers[] = { "127.0.0.1:53", "[::1]:53", NULL }, *own[] = { "10.0.0.5", NULL },
	     *no_proxy[] = { "**.corp", NULL };
	const struct net_message sent = { .type = NET_HOST,
					  .generation = 1ull << 40,
					  .id = 2,
					  .flow = 3,
					  .count = 4,
					  .bytes_in = 5,
					  .bytes_out = 6,
					  .flags = NET_FLAG_LOCKED_DOWN,
					  .port = 65535,
					  .kind = NET_FLOW_SSH_AGENT,
					  .error = EACCES,
					  .upstream = "http://proxy:8080",
					  .name = "example.com",
					  .address = "192.0.2.1",
					  .rule = "local:1",
					  .text = "no",
					  .resolvers = resolvers,
					  .own_addresses = own,
					  .no_proxy = no_proxy };
	autocall(net_message_finish) struct net_message got = { 0 };

	CHECK_EQ(there_and_back(&sent, &got), 0);
	CHECK_EQ(got.type, NET_HOST);
	CHECK_EQ(got.generation, 1ull << 40);
	CHECK_EQ(got.id, 2);
	CHECK_EQ(got.flow, 3);
	CHECK_EQ(got.count, 4);
	CHECK_EQ(got.bytes_in, 5);
	CHECK_EQ(got.bytes_out, 6);
	CHECK_EQ(got.flags, NET_FLAG_LOCKED_DOWN);
	CHECK_EQ(got.port, 65535);
	CHECK_EQ(got.kind, NET_FLOW_SSH_AGENT);
	CHECK_EQ(got.error, EACCES);
	CHECK_STR(got.upstream, "http://proxy:8080");
	CHECK_STR(got.name, "example.com");
	CHECK_STR(got.address, "192.0.2.1");
	CHECK_STR(got.rule, "local:1");
	CHECK_STR(got.text, "no");
	CHECK_STR(got.resolvers[0], "127.0.0.1:53");
	CHECK_STR(got.resolvers[1], "[::1]:53");
	CHECK(got.resolvers[2] == NULL);
	CHECK_STR(got.own_addresses[0], "10.0.0.5");
	CHECK_STR(got.no_proxy[0], "**.corp");
}

TEST(what_is_absent_stays_absent)
{
	const struct net_message sent = { .type = NET_CUT, .resolvers = no_strings };
	autocall(net_message_finish) struct net_message got = { 0 };

	CHECK_EQ(there_and_back(&sent, &got), 0);
	CHECK_EQ(got.type, NET_CUT);
	CHECK(got.resolvers == NULL && got.name == NULL && got.names == NULL);
	CHECK_EQ(got.port, 0);
}

TEST(names_are_a_list_where_they_are_many)
{
	char *names[] = { "a.example", "**.b.example", NULL };
	const struct net_message sent = { .type = NET_INSPECT, .names = names };
	autocall(net_message_finish) struct net_message got = { 0 };

	CHECK_EQ(there_and_back(&sent, &got), 0);
	CHECK(got.name == NULL);
	CHECK_STR(got.names[0], "a.example");
	CHECK_STR(got.names[1], "**.b.example");
	CHECK(got.names[2] == NULL);
}

TEST(lists_have_an_end)
{
	static char *many[NET_LIST_MAX + 2];
	struct net_message sent = { .type = NET_INSPECT, .names = many };
	autocall(net_message_finish) struct net_message got = { 0 };
	autocall(buf_finish) struct buf payload;
	struct frame frame;

	for (int i = 0; i <= NET_LIST_MAX; i++)
		many[i] = "x";
	CHECK_EQ(there_and_back(&sent, &got), -EMSGSIZE);
	buf_init(&payload, FRAME_PAYLOAD_MAX);
	for (int i = 0; i <= NET_LIST_MAX; i++)
		CHECK_EQ(tlv_put_string(&payload, NET_TAG_NAME, "x"), 0);
	frame = (struct frame){ .type = NET_INSPECT, .payload = payload.data, .len = payload.len };
	CHECK_EQ(net_message_decode(&frame, &got), -EPROTO);
	many[NET_LIST_MAX] = NULL;
	CHECK_EQ(there_and_back(&sent, &got), 0);
	CHECK_STR(got.names[NET_LIST_MAX - 1], "x");
}

static int decode_twice(uint16_t tag, bool is_string)
{
	autocall(net_message_finish) struct net_message got = { 0 };
	autocall(buf_finish) struct buf payload;
	struct frame frame;

	buf_init(&payload, FRAME_PAYLOAD_MAX);
	for (int i = 0; i < 2; i++) {
		if (is_string)
			(void)tlv_put_string(&payload, tag, "x");
		else
			(void)tlv_put_u32(&payload, tag, 7);
	}
	frame = (struct frame){ .type = NET_DIAL, .payload = payload.data, .len = payload.len };
	return net_message_decode(&frame, &got);
}

TEST(nothing_comes_twice)
{
	CHECK_EQ(decode_twice(NET_TAG_NAME, true), -EPROTO);
	CHECK_EQ(decode_twice(NET_TAG_PORT, false), -EPROTO);
	CHECK_EQ(decode_twice(NET_TAG_RESOLVER, true), 0);
	CHECK_EQ(decode_twice(9999, true), 0); /* of a newer peer */
}

TEST(wrong_fields_are_refused)
{
	autocall(net_message_finish) struct net_message got = { 0 };
	static const uint8_t short_number[] = { NET_TAG_PORT, 0, 0, 0, 2, 0, 0, 0, 1, 1 };
	static const uint8_t nul_in_name[] = { NET_TAG_NAME, 0, 0, 0, 3, 0, 0, 0, 'a', 0, 'b' };
	static const uint8_t cut[] = { NET_TAG_NAME, 0, 0, 0, 3, 0, 0, 0, 'a', 'b' };
	struct frame frame = { .type = NET_DIAL,
			       .payload = short_number,
			       .len = sizeof(short_number) };

	CHECK_EQ(net_message_decode(&frame, &got), -EPROTO);
	frame.payload = nul_in_name;
	frame.len = sizeof(nul_in_name);
	CHECK_EQ(net_message_decode(&frame, &got), -EPROTO);
	frame.payload = cut;
	frame.len = sizeof(cut);
	CHECK_EQ(net_message_decode(&frame, &got), -EPROTO);
	CHECK_EQ(got.type, 0);
}

/* It is not said either: who said it would be taken for broken. */
TEST(a_long_name_is_refused)
{
	autocall(net_message_finish) struct net_message got = { 0 };
	autocall(buf_finish) struct buf payload = { 0 };
	struct frame frame;
	char name[600];
	struct net_message sent = { .type = NET_DIAL, .name = name };

	memset(name, 'a', sizeof(name));
	name[512] = '\0';
	CHECK_EQ(there_and_back(&sent, &got), 0);
	net_message_finish(&got);
	name[512] = 'a';
	name[513] = '\0';
	CHECK_EQ(there_and_back(&sent, &got), -EMSGSIZE);
	buf_init(&payload, FRAME_PAYLOAD_MAX);
	CHECK_EQ(tlv_put_string(&payload, NET_TAG_NAME, name), 0);
	frame = (struct frame){ .type = NET_DIAL, .payload = payload.data, .len = payload.len };
	CHECK_EQ(net_message_decode(&frame, &got), -EPROTO);
}

TEST(verdicts_travel)
{
	const struct net_verdict sent = { .decision = 1,
					  .deny_kind = 2,
					  .protocol = 1,
					  .path_kind = NET_PATH_DNS,
					  .port = 53,
					  .status = 403,
					  .count = 9,
					  .name = "a.example",
					  .address = "1.2.3.4",
					  .rule = "r",
					  .text = "t",
					  .method = "GET",
					  .path = "/x" };
	autocall(net_verdict_finish) struct net_verdict got = { 0 };
	autocall(buf_finish) struct buf buf;
	struct frame frame;

	buf_init(&buf, 1 << 20);
	CHECK_EQ(net_verdict_append(&buf, NET_VERDICT, &sent), 0);
	CHECK_EQ(frame_parse(buf.data, buf.len, &frame), (int)buf.len);
	CHECK_EQ(frame.type, NET_VERDICT);
	CHECK_EQ(net_verdict_decode(&frame, &got), 0);
	CHECK_EQ(got.decision, 1);
	CHECK_EQ(got.deny_kind, 2);
	CHECK_EQ(got.protocol, 1);
	CHECK_EQ(got.path_kind, NET_PATH_DNS);
	CHECK_EQ(got.port, 53);
	CHECK_EQ(got.status, 403);
	CHECK_EQ(got.count, 9);
	CHECK_STR(got.name, "a.example");
	CHECK_STR(got.address, "1.2.3.4");
	CHECK_STR(got.rule, "r");
	CHECK_STR(got.text, "t");
	CHECK_STR(got.method, "GET");
	CHECK_STR(got.path, "/x");
}

TEST(a_full_buffer_takes_no_part)
{
	const struct net_message sent = { .type = NET_DIAL, .name = "example.com" };
	autocall(buf_finish) struct buf buf;

	buf_init(&buf, 20);
	CHECK_EQ(net_message_append(&buf, &sent), -ENOBUFS);
	CHECK_EQ(buf.len, 0);
}

TEST_MAIN()
