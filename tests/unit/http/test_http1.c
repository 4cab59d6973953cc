/* Two HTTP/1 codecs over memory, and what one says to raw bytes. */
#include "http/http1.h"

#include <errno.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "tests/unit/http/pair.h"
#include "tests/unit/test.h"

static struct http_codec *create(enum http_side side, bool is_proxy, struct record *owner)
{
	struct http1_config config = { .side = side,
				       .scheme = "http",
				       .is_proxy = is_proxy,
				       .events = &record_events,
				       .owner = owner };
	struct http_codec *codec = NULL;

	record_init(owner);
	(void)http1_create(&config, &codec);
	return codec;
}

static void pair_init(struct pair *pair, bool is_proxy)
{
	pair->server = create(HTTP_SERVER, is_proxy, &pair->server_side);
	pair->client = create(HTTP_CLIENT, is_proxy, &pair->client_side);
}

static void pump(struct pair *pair)
{
	record_pump(pair->client, pair->server, 7);
}

TEST(a_request_and_its_response_travel)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair, false);
	CHECK(ask(&pair, "GET") != NULL);
	CHECK(!http_can_open(pair.client));
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side), "request GET http://a.example/x?q length -1\n");
	CHECK_EQ(respond(&pair, 200, 5, true), 0);
	CHECK_EQ(http_send(pair.server_side.stream, (const uint8_t *)"hello", 5), 5);
	CHECK_EQ(http_finish(pair.server_side.stream, NULL), 0);
	record_pump(pair.client, pair.server, 1000);
	CHECK_STR(record_take(&pair.client_side),
		  "response 200 length 5 body\ndata 5\nend\ngone\n");
	CHECK_STR(record_take(&pair.server_side), "gone\n");
	CHECK(http_can_open(pair.client));
	CHECK(!http_is_done(pair.server));
	CHECK(ask(&pair, "DELETE") != NULL);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side),
		  "request DELETE http://a.example/x?q length -1\n");
}

TEST(bodies_of_unknown_length_are_chunked_and_carry_trailers)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;
	struct http_stream *stream;
	struct http_fields trailers;

	pair_init(&pair, false);
	request_to(&request, "POST", "/");
	stream = open_request(&pair, &request, true);
	CHECK(stream != NULL);
	CHECK_EQ(http_send(stream, (const uint8_t *)"abc", 3), 3);
	CHECK_EQ(http_send(stream, (const uint8_t *)"defg", 4), 4);
	http_fields_init(&trailers);
	CHECK_EQ(http_fields_set(&trailers, "X-Sum", "7"), 0);
	CHECK_EQ(http_finish(stream, &trailers), 0);
	record_pump(pair.client, pair.server, 1000);
	CHECK_STR(record_take(&pair.server_side),
		  "request POST http://a.example/ length -1 body\n"
		  "data 3\ndata 4\nend\n  x-sum: 7\n");
	CHECK_MEM(pair.server_side.body.data, "abcdefg", 7);
	CHECK_EQ(respond(&pair, 200, -1, true), 0);
	CHECK_EQ(http_finish(pair.server_side.stream, &trailers), 0);
	http_fields_finish(&trailers);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side),
		  "response 200 length -1 body\nend\n  x-sum: 7\ngone\n");
}

TEST(the_wire_form_of_a_request)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;
	struct buf wire;

	pair_init(&pair, false);
	buf_init(&wire, 4096);
	request_to(&request, "POST", "/");
	request.content_length = 3;
	request.expects_continue = true;
	CHECK_EQ(http_fields_add(&request.fields, "Accept", "*/*", 3), 0);
	/* What the codec says itself, and what is for proxies, is not the owner's to say. */
	CHECK_EQ(http_fields_add(&request.fields, "Host", "evil.example", 12), 0);
	CHECK_EQ(http_fields_add(&request.fields, "Transfer-Encoding", "chunked", 7), 0);
	CHECK_EQ(http_fields_add(&request.fields, "Proxy-Authorization", "x", 1), 0);
	CHECK(open_request(&pair, &request, true) != NULL);
	record_drain(pair.client, &wire);
	CHECK_STR(buf_str(&wire),
		  "POST / HTTP/1.1\r\nhost: a.example\r\naccept: */*\r\n"
		  "content-length: 3\r\nexpect: 100-continue\r\n\r\n");
	buf_finish(&wire);
}

TEST(p25_no_value_begins_a_line_of_its_own)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;

	pair_init(&pair, false);
	request_to(&request, "GET", "/");
	CHECK_EQ(http_fields_add(&request.fields, "x", "a\r\nb: c", 7), -EINVAL);
	CHECK_EQ(http_fields_add(&request.fields, "x", "a", 1), 0);
	/* As if someone had written into the value behind our back. */
	request.fields.items[0].value[0] = '\n';
	CHECK(open_request(&pair, &request, false) == NULL);
	request_to(&request, "GET", "/ HTTP/1.1\r\nx: y");
	CHECK(open_request(&pair, &request, false) == NULL);
	request_to(&request, "GET /", "/");
	CHECK(open_request(&pair, &request, false) == NULL);
	request_to(&request, "GET", "/");
	replace(&request.authority, "a\r\nb");
	CHECK(open_request(&pair, &request, false) == NULL);
	CHECK(!http_wants_output(pair.client));
}

TEST(a_body_is_as_long_as_was_said)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair, false);
	request_to(&request, "POST", "/");
	request.content_length = 3;
	stream = open_request(&pair, &request, true);
	CHECK_EQ(http_send(stream, (const uint8_t *)"abcd", 4), -EMSGSIZE);
	CHECK_EQ(http_send(stream, (const uint8_t *)"a", 1), -EPIPE);
	pump(&pair);
	CHECK(http_is_done(pair.client));
	CHECK_STR(record_take(&pair.client_side), "gone\n");
	CHECK_EQ(pair.server_side.body.len, 0);
}

TEST(a_body_that_ends_short_is_cut)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair, false);
	(void)ask(&pair, "GET");
	pump(&pair);
	CHECK_EQ(respond(&pair, 200, 5, true), 0);
	CHECK_EQ(http_send(pair.server_side.stream, (const uint8_t *)"hell", 4), 4);
	CHECK_EQ(http_finish(pair.server_side.stream, NULL), -EMSGSIZE);
	pump(&pair);
	CHECK(http_is_done(pair.server));
	http_input_end(pair.client);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side),
		  "response 200 length 5 body\ndata 4\ncut closed\ngone\n");
	CHECK(http_is_done(pair.client));
}

TEST(answers_without_body_keep_their_length)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair, false);
	(void)ask(&pair, "HEAD");
	pump(&pair);
	CHECK_EQ(respond(&pair, 200, 1234, true), 0);
	CHECK_EQ(http_send(pair.server_side.stream, (const uint8_t *)"dropped", 7), 7);
	CHECK_EQ(http_finish(pair.server_side.stream, NULL), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 200 length 1234\ngone\n");
	(void)ask(&pair, "GET");
	pump(&pair);
	CHECK_EQ(respond(&pair, 304, 99, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 304 length 99\ngone\n");
	(void)ask(&pair, "GET");
	pump(&pair);
	CHECK_EQ(respond(&pair, 204, -1, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 204 length -1\ngone\n");
}

TEST(continue_is_passed_on)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair, false);
	request_to(&request, "PUT", "/");
	request.content_length = 2;
	request.expects_continue = true;
	stream = open_request(&pair, &request, true);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side),
		  "request PUT http://a.example/ length 2 body expects\n");
	CHECK_EQ(respond(&pair, 100, -1, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 100 length -1\n");
	CHECK_EQ(http_send(stream, (const uint8_t *)"ok", 2), 2);
	CHECK_EQ(http_finish(stream, NULL), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side), "data 2\nend\n");
	CHECK_EQ(respond(&pair, 201, 0, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 201 length 0\ngone\n");
	CHECK(http_can_open(pair.client));
}

TEST(an_answer_instead_of_continue_ends_the_connection)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;

	pair_init(&pair, false);
	request_to(&request, "PUT", "/");
	request.content_length = 2;
	request.expects_continue = true;
	(void)open_request(&pair, &request, true);
	pump(&pair);
	CHECK_EQ(respond(&pair, 403, 0, false), 0);
	pump(&pair);
	CHECK(http_is_done(pair.server));
	CHECK_STR(record_take(&pair.client_side), "response 403 length 0\n");
	http_cut(pair.client_side.stream, HTTP_CUT_CANCELLED);
	pump(&pair);
	CHECK(http_is_done(pair.client));
}

TEST(a_body_after_its_answer_is_swallowed)
{
	autocall(pair_finish) struct pair pair;
	static const char head[] = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n";
	static const char next[] = "GET /next HTTP/1.1\r\nhost: a\r\n\r\n";
	static uint8_t body[100000];
	struct buf wire;

	pair_init(&pair, false);
	buf_init(&wire, 4096);
	CHECK_EQ(record_feed(pair.server, head, strlen(head), 1000), strlen(head));
	CHECK_EQ(respond(&pair, 403, 0, false), 0);
	CHECK_EQ(record_feed(pair.server, body, sizeof(body), 1000), sizeof(body));
	record_drain(pair.server, &wire);
	CHECK_EQ(record_feed(pair.server, next, strlen(next), 1000), strlen(next));
	CHECK_STR(record_take(&pair.server_side),
		  "request POST http://a/ length 100000 body\n"
		  "gone\nrequest GET http://a/next length -1\n");
	buf_finish(&wire);
}

TEST(a_flood_after_the_answer_is_not_swallowed)
{
	autocall(pair_finish) struct pair pair;
	static const char head[] =
		"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n";
	static uint8_t body[2 << 20];
	struct buf wire;

	pair_init(&pair, false);
	buf_init(&wire, 4096);
	(void)record_feed(pair.server, head, strlen(head), 1000);
	CHECK_EQ(respond(&pair, 403, 0, false), 0);
	(void)record_feed(pair.server, body, sizeof(body), 65536);
	record_drain(pair.server, &wire);
	CHECK(http_is_done(pair.server));
	buf_finish(&wire);
}

TEST(bytes_wait_until_they_are_consumed)
{
	autocall(pair_finish) struct pair pair;
	static const char head[] = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n";
	static uint8_t body[200000];
	ssize_t taken;

	pair_init(&pair, false);
	pair.server_side.holds = true;
	(void)record_feed(pair.server, head, strlen(head), 1000);
	taken = record_feed(pair.server, body, sizeof(body), 16384);
	CHECK_EQ(taken, 65536);
	CHECK_EQ(http_input(pair.server, body, 10), 0);
	http_consumed(pair.server_side.stream, 1000);
	CHECK_EQ(record_feed(pair.server, body, 16384, 16384), 1000);
	http_consumed(pair.server_side.stream, SIZE_MAX);
	CHECK_EQ(record_feed(pair.server, body, 16384, 16384), 16384);
}

TEST(a_full_outbox_asks_to_wait_and_calls)
{
	autocall(pair_finish) struct pair pair;
	static uint8_t body[200000];
	struct buf wire;
	ssize_t taken;

	pair_init(&pair, false);
	buf_init(&wire, 1 << 20);
	(void)ask(&pair, "GET");
	pump(&pair);
	CHECK_EQ(respond(&pair, 200, -1, true), 0);
	taken = http_send(pair.server_side.stream, body, sizeof(body));
	CHECK(taken > 60000 && taken <= 65536);
	CHECK_EQ(http_send(pair.server_side.stream, body, sizeof(body)), 0);
	(void)record_take(&pair.server_side);
	record_drain(pair.server, &wire);
	CHECK_STR(record_take(&pair.server_side), "room\n");
	CHECK(http_send(pair.server_side.stream, body, sizeof(body)) > 60000);
	buf_finish(&wire);
}

TEST(requests_wait_for_the_answer_before_them)
{
	autocall(pair_finish) struct pair pair;
	static const char both[] =
		"GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n";
	struct buf wire;
	ssize_t taken;

	pair_init(&pair, false);
	buf_init(&wire, 4096);
	taken = record_feed(pair.server, both, strlen(both), 1000);
	CHECK_EQ(taken, strlen(both) / 2);
	CHECK_EQ(respond(&pair, 204, -1, false), 0);
	CHECK_EQ(record_feed(pair.server, both + taken, strlen(both) / 2, 1000), 0);
	record_drain(pair.server, &wire);
	CHECK_EQ(record_feed(pair.server, both + taken, strlen(both) / 2, 1000), strlen(both) / 2);
	CHECK_STR(record_take(&pair.server_side),
		  "request GET http://a/1 length -1\ngone\n"
		  "request GET http://a/2 length -1\n");
	buf_finish(&wire);
}

TEST(connect_turns_raw)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair, true);
	request_to(&request, "CONNECT", NULL);
	replace(&request.authority, "a.example:443");
	stream = open_request(&pair, &request, false);
	CHECK(stream != NULL);
	CHECK_EQ(http_send(stream, (const uint8_t *)"early", 5), -EPIPE);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side),
		  "request CONNECT http://a.example:443 length -1\n");
	CHECK_EQ(http_input(pair.server, (const uint8_t *)"\x16", 1), 0);
	CHECK_EQ(respond(&pair, 200, -1, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 200 length -1\n");
	CHECK_EQ(http_send(stream, (const uint8_t *)"\r\n\x16", 3), 3);
	CHECK_EQ(http_send(pair.server_side.stream, (const uint8_t *)"hi", 2), 2);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side), "data 3\n");
	CHECK_STR(record_take(&pair.client_side), "data 2\n");
	CHECK_EQ(http_finish(stream, NULL), 0);
	pump(&pair);
	CHECK(http_is_done(pair.client));
	http_input_end(pair.server);
	CHECK_STR(record_take(&pair.server_side), "end\n");
	CHECK_EQ(http_send(pair.server_side.stream, (const uint8_t *)"bye", 3), 3);
	CHECK_EQ(http_finish(pair.server_side.stream, NULL), 0);
	pump(&pair);
	CHECK(http_is_done(pair.server));
}

TEST(a_refused_connect_is_an_exchange_like_others)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;

	pair_init(&pair, true);
	request_to(&request, "CONNECT", NULL);
	replace(&request.authority, "a.example:443");
	(void)open_request(&pair, &request, false);
	pump(&pair);
	CHECK_EQ(respond(&pair, 403, 2, true), 0);
	CHECK_EQ(http_send(pair.server_side.stream, (const uint8_t *)"no", 2), 2);
	CHECK_EQ(http_finish(pair.server_side.stream, NULL), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side),
		  "response 403 length 2 body\ndata 2\nend\ngone\n");
	CHECK(http_can_open(pair.client));
	CHECK(!http_is_done(pair.server));
}

TEST(websocket_turns_raw)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;
	struct http_stream *stream;

	pair_init(&pair, false);
	request_to(&request, "GET", "/chat");
	replace(&request.upgrade, "websocket");
	CHECK_EQ(http_fields_set(&request.fields, "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
		 0);
	stream = open_request(&pair, &request, false);
	CHECK(stream != NULL);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side),
		  "request GET http://a.example/chat length -1 upgrade\n"
		  "  sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\n");
	CHECK_EQ(respond(&pair, 101, -1, false), 0);
	CHECK_EQ(http_send(pair.server_side.stream, (const uint8_t *)"\x81\x00", 2), 2);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 101 length -1\ndata 2\n");
	CHECK_EQ(http_send(stream, (const uint8_t *)"\x88", 1), 1);
	pump(&pair);
	CHECK_STR(record_take(&pair.server_side), "data 1\n");
}

TEST(a_refused_upgrade_leaves_http)
{
	autocall(pair_finish) struct pair pair;
	struct http_request request;

	pair_init(&pair, false);
	request_to(&request, "GET", "/chat");
	replace(&request.upgrade, "websocket");
	(void)open_request(&pair, &request, false);
	pump(&pair);
	/* What a client would send on as if it had been let through stays unread. */
	CHECK_EQ(http_input(pair.server, (const uint8_t *)"GET /smuggled", 13), 0);
	CHECK_EQ(respond(&pair, 403, 0, false), 0);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side), "response 403 length 0\ngone\n");
	CHECK(http_can_open(pair.client));
}

TEST(a_switch_nobody_asked_for_is_refused)
{
	autocall(pair_finish) struct pair pair;
	static const char answer[] =
		"HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nraw";

	pair_init(&pair, false);
	(void)ask(&pair, "GET");
	CHECK_EQ(record_feed(pair.client, answer, strlen(answer), 1), -EPROTO);
	CHECK_STR(record_take(&pair.client_side), "broken\ncut malformed\n");
}

TEST(a_response_lasts_until_the_connection_ends)
{
	autocall(pair_finish) struct pair pair;
	static const char answer[] = "HTTP/1.0 200 OK\r\nserver: x\r\n\r\nabc";

	pair_init(&pair, false);
	(void)ask(&pair, "GET");
	record_pump(pair.client, pair.server, 100);
	CHECK_EQ(record_feed(pair.client, answer, strlen(answer), 100), strlen(answer));
	http_input_end(pair.client);
	pump(&pair);
	CHECK_STR(record_take(&pair.client_side),
		  "response 200 length -1 body\n  server: x\ndata 3\nend\ngone\n");
	CHECK(http_is_done(pair.client));
}

TEST(http_1_0_is_answered_in_its_way)
{
	autocall(pair_finish) struct pair pair;
	static const char ask[] = "GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n";
	struct buf wire;

	pair_init(&pair, false);
	buf_init(&wire, 4096);
	CHECK_EQ(record_feed(pair.server, ask, strlen(ask), 3), strlen(ask));
	CHECK_EQ(respond(&pair, 103, -1, false), 0);
	CHECK_EQ(respond(&pair, 200, -1, true), 0);
	CHECK_EQ(http_send(pair.server_side.stream, (const uint8_t *)"abc", 3), 3);
	CHECK_EQ(http_finish(pair.server_side.stream, NULL), 0);
	record_drain(pair.server, &wire);
	CHECK_STR(buf_str(&wire), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc");
	CHECK(http_is_done(pair.server));
	buf_finish(&wire);
}

TEST(close_lets_the_exchange_end)
{
	autocall(pair_finish) struct pair pair;
	struct buf wire;

	pair_init(&pair, false);
	buf_init(&wire, 4096);
	(void)ask(&pair, "GET");
	pump(&pair);
	http_close(pair.server);
	CHECK(!http_is_done(pair.server));
	CHECK_EQ(respond(&pair, 204, -1, false), 0);
	record_drain(pair.server, &wire);
	CHECK_STR(buf_str(&wire), "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
	CHECK(http_is_done(pair.server));
	CHECK_EQ(record_feed(pair.client, wire.data, wire.len, 5), wire.len);
	pump(&pair);
	CHECK(http_is_done(pair.client));
	CHECK(!http_can_open(pair.client));
	buf_finish(&wire);
}

TEST(destroy_ends_what_is_open)
{
	autocall(pair_finish) struct pair pair;

	pair_init(&pair, false);
	(void)ask(&pair, "GET");
	pump(&pair);
	http_destroy(pair.server);
	pair.server = NULL;
	CHECK_EQ(pair.server_side.gone, 1);
}

TEST(a_broken_request_after_a_begun_answer_just_ends)
{
	autocall(pair_finish) struct pair pair;
	static const char head[] =
		"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n";
	struct buf wire;

	pair_init(&pair, false);
	buf_init(&wire, 4096);
	(void)record_feed(pair.server, head, strlen(head), 1000);
	CHECK_EQ(respond(&pair, 200, -1, true), 0);
	CHECK_EQ(record_feed(pair.server, "x", 1, 1), -EPROTO);
	record_drain(pair.server, &wire);
	CHECK_STR(buf_str(&wire), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
	CHECK_STR(record_take(&pair.server_side),
		  "request POST http://a/ length -1 body\ndata 1\nbroken\ncut malformed\ngone\n");
	CHECK(http_is_done(pair.server));
	buf_finish(&wire);
}

TEST_MAIN()
