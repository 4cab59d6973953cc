/* Two HTTP/2 codecs over memory. */
#include "http2/http2.h"

#include <errno.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "tests/unit/http/pair.h"
#include "tests/unit/test.h"

static struct http_codec *create(enum http_side side, struct record *owner)
{
	struct http2_config config = {
		.side = side, .scheme = "http", .events = &record_events, .owner = owner
	};
	struct http_codec *codec = NULL;

	record_init(owner);
	(void)http2_create(&config, &codec);
	return codec;
}

static void pump(struct pair *pair)
{
	record_pump(pair->client, pair->server, 7);
}

static void pair_init(struct pair *pair)
{
	pair->server = create(HTTP_SERVER, &pair->server_side);
	pair->client = create(HTTP_CLIENT, &pair->client_side);
	pump(pair);
}

static ssize_t send_text(struct http_stream *stream, const char *text)
{
	return http_send(stream, (const uint8_t *)text, strlen(text));
}

TEST(a_request_and_its_response_travel)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair);
	CHECK(ask(&pair, "GET") != NULL);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side), "request GET http://a.example/x?q length -1\n");
	CHECK_EQ(respond(&pair, 200, 5, true), 0);
	CHECK_EQ(send_text(pair.server_side.stream, "hello"), 5);
	CHECK_EQ(http_finish(pair.server_side.stream, NULL), 0);
	record_pump(pair.client, pair.server, 1000);
	CHECK_STR(record_take(&pair.client_side),
		  "response 200 length 5 body\ndata 5\nend\ngone\n");
	CHECK_STR(record_take(&pair.server_side), "gone\n");
	CHECK(http_can_open(pair.client));
	CHECK(!http_is_done(pair.server));
}

TEST(bodies_and_trailers_travel_both_ways)
{
	autocall(pair_finish) struct pair pair;
	autocall(http_fields_finish) struct http_fields trailers = { 0 };
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair);
	request_to(&request, "POST", "/package.Service/Method");
	CHECK_EQ(http_fields_set(&request.fields, "content-type", "application/grpc"), 0);
	stream = open_request(&pair, &request, true);
	CHECK_EQ(send_text(stream, "abc"), 3);
	CHECK_EQ(http_fields_set(&trailers, "Grpc-Status", "0"), 0);
	CHECK_EQ(http_finish(stream, &trailers), 0);
	record_pump(pair.client, pair.server, 1000);
	CHECK_STR(record_take(&pair.server_side),
		  "request POST http://a.example/package.Service/Method length -1 body\n"
		  "  content-type: application/grpc\ndata 3\nend\n  grpc-status: 0\n");
	CHECK_EQ(respond(&pair, 200, -1, true), 0);
	CHECK_EQ(send_text(pair.server_side.stream, "defg"), 4);
	CHECK_EQ(http_finish(pair.server_side.stream, &trailers), 0);
	record_pump(pair.client, pair.server, 1000);
	CHECK_STR(record_take(&pair.client_side),
		  "response 200 length -1 body\ndata 4\nend\n  grpc-status: 0\ngone\n");
	CHECK_MEM(pair.client_side.body.data, "defg", 4);
}

TEST(grpc_may_answer_with_a_head_alone)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair);
	(void)ask(&pair, "POST");
	pump(&pair);
	CHECK_EQ(respond(&pair, 200, -1, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 200 length -1\ngone\n");
}

TEST(a_body_after_its_answer_is_swallowed)
{
	autocall(pair_finish) struct pair pair;
	static uint8_t body[16384];
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair);
	request_to(&request, "POST", "/");
	stream = open_request(&pair, &request, true);
	CHECK_EQ(send_text(stream, "abc"), 3);
	record_pump(pair.client, pair.server, 1000);
	CHECK_EQ(respond(&pair, 403, 0, false), 0);
	record_pump(pair.client, pair.server, 1000);
	CHECK_STR(record_take(&pair.client_side), "response 403 length 0\n");
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(http_send(stream, body, sizeof(body)), sizeof(body));
		record_pump(pair.client, pair.server, 16384);
	}
	CHECK_EQ(http_finish(stream, NULL), 0);
	record_pump(pair.client, pair.server, 16384);
	CHECK_STR(record_take(&pair.server_side),
		  "request POST http://a.example/ length -1 body\ndata 3\ngone\n");
	CHECK_STR(record_take(&pair.client_side), "gone\n");
}

TEST(a_flood_after_the_answer_is_not_swallowed)
{
	autocall(pair_finish) struct pair pair;
	static uint8_t body[16384];
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair);
	request_to(&request, "POST", "/");
	stream = open_request(&pair, &request, true);
	pump(&pair);
	CHECK_EQ(respond(&pair, 403, 0, false), 0);
	pump(&pair);
	for (int i = 0; i < 100 && pair.client_side.gone == 0; i++) {
		(void)http_send(stream, body, sizeof(body));
		record_pump(pair.client, pair.server, 16384);
	}
	CHECK_STR(record_take(&pair.client_side), "response 403 length 0\ngone\n");
	CHECK_EQ(pair.server_side.gone, 1);
	CHECK(http_can_open(pair.client));
}

TEST(interim_answers_come_before_the_final_one)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair);
	request_to(&request, "PUT", "/");
	request.content_length = 2;
	request.expects_continue = true;
	stream = open_request(&pair, &request, true);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side),
		  "request PUT http://a.example/ length 2 body expects\n");
	CHECK_EQ(respond(&pair, 100, -1, false), 0);
	pump(&pair);
	CHECK_EQ(send_text(stream, "ok"), 2);
	CHECK_EQ(http_finish(stream, NULL), 0);
	pump(&pair);
	CHECK_EQ(respond(&pair, 204, -1, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side),
		  "response 100 length -1\nresponse 204 length -1\ngone\n");
}

TEST(a_body_for_head_is_dropped)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair);
	(void)ask(&pair, "HEAD");
	pump(&pair);
	CHECK_EQ(respond(&pair, 200, 1234, true), 0);
	CHECK_EQ(send_text(pair.server_side.stream, "dropped"), 7);
	CHECK_EQ(http_finish(pair.server_side.stream, NULL), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 200 length 1234\ngone\n");
}

TEST(a_body_is_as_long_as_was_said)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair);
	request_to(&request, "POST", "/");
	request.content_length = 3;
	stream = open_request(&pair, &request, true);
	CHECK_EQ(send_text(stream, "abcd"), -EMSGSIZE);
	CHECK_EQ(send_text(stream, "a"), -EPIPE);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "gone\n");
	request_to(&request, "POST", "/");
	request.content_length = 3;
	stream = open_request(&pair, &request, true);
	CHECK_EQ(send_text(stream, "ab"), 2);
	CHECK_EQ(http_finish(stream, NULL), -EMSGSIZE);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "gone\n");
	CHECK(http_can_open(pair.client));
}

TEST(either_side_may_cut)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair);
	(void)ask(&pair, "GET");
	pump(&pair);
	(void)record_take(&pair.server_side);
	http_cut(pair.server_side.stream, HTTP_CUT_REFUSED);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "cut refused\ngone\n");
	CHECK_STR(record_take(&pair.server_side), "gone\n");
	http_cut(ask(&pair, "GET"), HTTP_CUT_CANCELLED);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "gone\n");
	CHECK_EQ(pair.server_side.requests, 1);
	http_cut(ask(&pair, "GET"), HTTP_CUT_CANCELLED);
	(void)ask(&pair, "GET");
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side), "request GET http://a.example/x?q length -1\n");
}

TEST(a_window_opens_as_bytes_are_consumed)
{
	autocall(pair_finish) struct pair pair;
	static uint8_t body[1 << 20];
	struct http_request request;
	struct http_stream *stream;
	size_t sent = 0;

	pair_init(&pair);
	pair.server_side.holds = true;
	pair.server_side.is_quiet = true;
	request_to(&request, "POST", "/");
	stream = open_request(&pair, &request, true);
	for (int i = 0; i < 100; i++) {
		sent += (size_t)http_send(stream, body, 16384);
		record_pump(pair.client, pair.server, 16384);
	}
	CHECK_EQ(pair.server_side.held, 1 << 18);
	CHECK_EQ(sent, (1 << 18) + 32768);
	CHECK_EQ(http_send(stream, body, 1), 0);
	http_consumed(pair.server_side.stream, 1 << 18);
	record_pump(pair.client, pair.server, 16384);
	CHECK_EQ(pair.server_side.held, (1 << 18) + 32768);
	CHECK_EQ(http_send(stream, body, 1), 1);
	CHECK(strstr(record_take(&pair.client_side), "room") != NULL);
}

/* Bytes that nobody will consume any more must not close the connection's window. */
TEST(a_cut_stream_gives_its_window_back)
{
	autocall(pair_finish) struct pair pair;
	static uint8_t body[16384];

	pair_init(&pair);
	pair.server_side.holds = true;
	pair.server_side.is_quiet = true;
	for (int round = 0; round < 20; round++) {
		struct http_request request;
		struct http_stream *stream;

		request_to(&request, "POST", "/");
		stream = open_request(&pair, &request, true);
		for (int i = 0; i < 20; i++) {
			(void)http_send(stream, body, sizeof(body));
			record_pump(pair.client, pair.server, 16384);
		}
		CHECK_EQ(pair.server_side.held, (size_t)(round + 1) << 18);
		http_cut(pair.server_side.stream, HTTP_CUT_CANCELLED);
		record_pump(pair.client, pair.server, 16384);
		CHECK_EQ(pair.client_side.gone, round + 1);
	}
}

TEST(many_streams_share_a_connection)
{
	autocall(pair_finish) struct pair pair;
	size_t opened = 0;

	pair_init(&pair);
	pair.server_side.is_quiet = true;
	while (http_can_open(pair.client) && ask(&pair, "GET") != NULL)
		opened++;
	CHECK_EQ(opened, 100);
	CHECK(ask(&pair, "GET") == NULL);
	pump(&pair);
	CHECK_EQ(pair.server_side.requests, 100);
	CHECK_EQ(respond(&pair, 204, -1, false), 0);
	pump(&pair);
	CHECK(http_can_open(pair.client));
}

TEST(close_lets_streams_end)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair);
	(void)ask(&pair, "GET");
	pump(&pair);
	http_close(pair.server);
	pump(&pair);
	CHECK(!http_can_open(pair.client));
	CHECK(!http_is_done(pair.server));
	CHECK_EQ(respond(&pair, 204, -1, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 204 length -1\ngone\n");
	CHECK(http_is_done(pair.server));
	CHECK(http_is_done(pair.client));
}

TEST(the_end_of_the_connection_cuts)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair);
	(void)ask(&pair, "GET");
	pump(&pair);
	http_input_end(pair.client);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "cut closed\ngone\n");
	CHECK(http_is_done(pair.client));
	CHECK(!http_can_open(pair.client));
	http_destroy(pair.server);
	pair.server = NULL;
	CHECK_STR(record_take(&pair.server_side),
		  "request GET http://a.example/x?q length -1\ngone\n");
}

TEST(what_http_2_cannot_say_is_not_said)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;

	pair_init(&pair);
	request_to(&request, "CONNECT", NULL);
	CHECK(open_request(&pair, &request, false) == NULL);
	request_to(&request, "GET", "/");
	request.upgrade = strdup("websocket");
	CHECK(open_request(&pair, &request, false) == NULL);
	request_to(&request, "get", "/");
	CHECK(open_request(&pair, &request, false) == NULL);
	request_to(&request, "GET", "/a b");
	CHECK(open_request(&pair, &request, false) == NULL);
	request_to(&request, "GET", "/");
	CHECK_EQ(http_fields_add(&request.fields, "x", "a", 1), 0);
	request.fields.items[0].value[0] = '\n';
	CHECK(open_request(&pair, &request, false) == NULL);
	CHECK(ask(&pair, "GET") != NULL);
	pump(&pair);
	CHECK_EQ(respond(&pair, 101, -1, false), -EINVAL);
	CHECK_EQ(pair.server_side.requests, 1);
}

TEST(p29_alt_svc_and_hop_fields_do_not_pass)
{
	autocall(pair_finish) struct pair pair;
	struct http_response response;

	pair_init(&pair);
	(void)ask(&pair, "GET");
	pump(&pair);
	http_response_init(&response, 200);
	CHECK_EQ(http_fields_set(&response.fields, "alt-svc", "h3=\":443\""), 0);
	CHECK_EQ(http_fields_set(&response.fields, "connection", "close"), 0);
	CHECK_EQ(http_fields_set(&response.fields, "proxy-authenticate", "Basic"), 0);
	CHECK_EQ(http_fields_set(&response.fields, "server", "x"), 0);
	CHECK_EQ(http_respond(pair.server_side.stream, &response, false), 0);
	http_response_finish(&response);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 200 length -1\n  server: x\ngone\n");
}

TEST(cookie_crumbs_become_one_field)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;

	pair_init(&pair);
	request_to(&request, "GET", "/");
	CHECK_EQ(http_fields_add(&request.fields, "cookie", "a=1", 3), 0);
	CHECK_EQ(http_fields_add(&request.fields, "x", "y", 1), 0);
	CHECK_EQ(http_fields_add(&request.fields, "cookie", "b=2", 3), 0);
	(void)open_request(&pair, &request, false);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side),
		  "request GET http://a.example/ length -1\n"
		  "  cookie: a=1; b=2\n  x: y\n");
}

/* A name that is indexed takes one byte the second time; a secret one is written out again. */
TEST(secrets_are_never_indexed)
{
	autocall(pair_finish) struct pair pair;
	size_t len[2];

	pair_init(&pair);
	for (int i = 0; i < 2; i++) {
		struct http_request request;
		struct buf wire;

		buf_init(&wire, 4096);
		request_to(&request, "GET", "/");
		CHECK_EQ(http_fields_add_secret(&request.fields, "x-api-key",
						"0123456789012345678901234567890123456789", 40),
			 0);
		(void)open_request(&pair, &request, false);
		record_drain(pair.client, &wire);
		len[i] = wire.len;
		buf_finish(&wire);
	}
	CHECK(len[1] > 35);
	CHECK(len[0] >= len[1]);
}

TEST_MAIN()
