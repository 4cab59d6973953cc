/* What a hostile peer sends in frames (attacks P03, P10, P11, P24). */
#include <errno.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "http2/http2.h"
#include "tests/unit/http/record.h"
#include "tests/unit/http2/frames.h"
#include "tests/unit/test.h"

enum { WIRE_MAX = 8 << 20 };

#define GET_HEAD ":method", "GET", ":scheme", "https", ":authority", "a.example", ":path", "/"
#define POST_HEAD ":method", "POST", ":scheme", "https", ":authority", "a.example", ":path", "/"

struct victim {
	struct record record;
	struct http_codec *codec;
	struct buf wire; /* to the victim */
	struct buf said; /* by it */
};

static void victim_init(struct victim *victim, enum http_side side)
{
	struct http2_config config = {
		.side = side, .scheme = "https", .events = &record_events, .owner = &victim->record
	};

	record_init(&victim->record);
	victim->record.answers = side == HTTP_SERVER;
	buf_init(&victim->wire, WIRE_MAX);
	buf_init(&victim->said, WIRE_MAX);
	victim->codec = NULL;
	(void)http2_create(&config, &victim->codec);
	frame_preface(&victim->wire, side == HTTP_SERVER);
	frame_put(&victim->wire, FRAME_SETTINGS, FRAME_ACK, 0, NULL, 0);
}

static void victim_finish(struct victim *victim)
{
	http_destroy(victim->codec);
	record_finish(&victim->record);
	buf_finish(&victim->wire);
	buf_finish(&victim->said);
}

/* Feeds what was written so far, and hears the answer. */
static void strike(struct victim *victim)
{
	(void)record_feed(victim->codec, victim->wire.data, victim->wire.len, 16384);
	buf_clear(&victim->wire);
	record_drain(victim->codec, &victim->said);
}

/* The error code of the first such frame that was said; -1: none. */
static int64_t said(const struct victim *victim, enum frame_type type)
{
	const uint8_t *at = victim->said.data;
	size_t left = victim->said.len;

	while (left >= 9) {
		size_t len = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];

		if (left - 9 < len)
			break;
		if (at[3] == type)
			return be32_load(at + 9 + (type == FRAME_GOAWAY ? 4 : 0));
		at += 9 + len;
		left -= 9 + len;
	}
	return -1;
}

/* A head that must not become a request, and costs its stream only. */
static void refuse_head(const char *const *pairs)
{
	autocall(victim_finish) struct victim victim;
	static const char *const next[] = { GET_HEAD, NULL };

	victim_init(&victim, HTTP_SERVER);
	frame_head(&victim.wire, 1, FRAME_END_STREAM, pairs);
	strike(&victim);
	CHECK_EQ(victim.record.requests, 0);
	CHECK(said(&victim, FRAME_RST_STREAM) > 0);
	frame_head(&victim.wire, 3, FRAME_END_STREAM, next);
	strike(&victim);
	CHECK_EQ(victim.record.requests, 1);
	CHECK(!http_is_done(victim.codec));
}

#define REFUSE(...)                                                       \
	do {                                                              \
		static const char *const pairs[] = { __VA_ARGS__, NULL }; \
		refuse_head(pairs);                                       \
		if (test_failed)                                          \
			return;                                           \
	} while (0)

TEST(a_plain_request_is_answered)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { GET_HEAD, "x", "y", NULL };

	victim_init(&victim, HTTP_SERVER);
	frame_head(&victim.wire, 1, FRAME_END_STREAM, head);
	strike(&victim);
	CHECK_STR(record_take(&victim.record),
		  "request GET https://a.example/ length -1\n  x: y\ngone\n");
}

TEST(p10_pseudo_header_after_regular)
{
	REFUSE(":method", "GET", ":scheme", "https", ":path", "/", "x", "y", ":authority", "a");
	REFUSE("x", "y", GET_HEAD);
	REFUSE(GET_HEAD, "x", "y", ":path", "/other");
}

TEST(p10_pseudo_headers_are_those_of_requests_once)
{
	REFUSE(GET_HEAD, ":path", "/other");
	REFUSE(GET_HEAD, ":method", "POST");
	REFUSE(GET_HEAD, ":authority", "b");
	REFUSE(GET_HEAD, ":status", "200");
	REFUSE(GET_HEAD, ":unknown", "x");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a");
	REFUSE(":scheme", "https", ":authority", "a", ":path", "/");
	REFUSE(":method", "GET", ":authority", "a", ":path", "/");
	REFUSE(":method", "GET", ":scheme", "https", ":path", "/");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "");
	REFUSE(":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/");
}

TEST(p10_upper_case_names)
{
	REFUSE(GET_HEAD, "X-Name", "y");
	REFUSE(GET_HEAD, "x y", "z");
	REFUSE(GET_HEAD, "x:", "z");
	REFUSE(GET_HEAD, "", "z");
	REFUSE(GET_HEAD, "x\r\ny", "z");
	REFUSE(GET_HEAD, "transfer-encoding\r\n", "z");
}

TEST(p10_cr_lf_nul_in_values)
{
	static const char *const values[] = { "a\rb",	"a\nb",	 "a\r\nb: c", "\r\n",
					      "a\x01b", "a\x7f", " a",	      "a\t" };

	for (size_t i = 0; i < countof(values); i++) {
		const char *const regular[] = { GET_HEAD, "x", values[i], NULL };

		refuse_head(regular);
	}
}

TEST(p10_nul_in_a_value)
{
	autocall(victim_finish) struct victim victim;
	static const char *const pairs[] = { GET_HEAD, NULL };
	struct buf block;

	victim_init(&victim, HTTP_SERVER);
	buf_init(&block, 4096);
	for (const char *const *pair = pairs; *pair != NULL; pair += 2)
		frame_field(&block, pair[0], pair[1]);
	frame_field_bytes(&block, "x", "a\0b", 3);
	frame_put(&victim.wire, FRAME_HEADERS, FRAME_END_HEADERS | FRAME_END_STREAM, 1, block.data,
		  block.len);
	strike(&victim);
	CHECK_EQ(victim.record.requests, 0);
	CHECK(said(&victim, FRAME_RST_STREAM) > 0);
	buf_finish(&block);
}

/* Each of these would be another request, or two, in HTTP/1. */
TEST(p10_downgrade_smuggling)
{
	REFUSE(POST_HEAD, "transfer-encoding", "chunked");
	REFUSE(POST_HEAD, "connection", "transfer-encoding");
	REFUSE(POST_HEAD, "content-length", "0", "content-length", "5");
	REFUSE(POST_HEAD, "content-length", "0, 5");
	REFUSE(POST_HEAD, "content-length", "+0");
	REFUSE(POST_HEAD, "content-length", "-1");
	REFUSE(POST_HEAD, "upgrade", "websocket");
	REFUSE(POST_HEAD, "keep-alive", "x");
	REFUSE(POST_HEAD, "proxy-connection", "x");
	REFUSE(POST_HEAD, "te", "gzip");
	REFUSE(POST_HEAD, "expect", "200-ok");
	REFUSE(":method", "GET / HTTP/1.1\r\nhost: b\r\n\r\nGET", ":scheme", "https", ":authority",
	       "a", ":path", "/");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a", ":path",
	       "/ HTTP/1.1\r\nhost: b\r\n\r\nGET /");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a\r\nx: y", ":path", "/");
	REFUSE(":method", "get", ":scheme", "https", ":authority", "a", ":path", "/");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/a b");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/a#b");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "a");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "*");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "https://b/");
}

TEST(p03_authority_and_host_agree)
{
	autocall(victim_finish) struct victim victim;
	static const char *const same[] = { GET_HEAD, "host", "A.Example:443", NULL };
	static const char *const alone[] = { ":method", "GET",	":scheme",   "https", ":path",
					     "/",	"host", "b.example", NULL };

	REFUSE(GET_HEAD, "host", "b.example");
	REFUSE(GET_HEAD, "host", "a.example", "host", "a.example");
	REFUSE(GET_HEAD, "host", "a.example:8443");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "u@a.example", ":path", "/");
	REFUSE(":method", "GET", ":scheme", "https", ":authority", "127.1", ":path", "/");
	victim_init(&victim, HTTP_SERVER);
	frame_head(&victim.wire, 1, FRAME_END_STREAM, same);
	frame_head(&victim.wire, 3, FRAME_END_STREAM, alone);
	strike(&victim);
	CHECK_STR(record_take(&victim.record),
		  "request GET https://a.example/ length -1\n"
		  "request GET https://b.example/ length -1\n"
		  "gone\ngone\n");
}

TEST(p10_extended_connect)
{
	REFUSE(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority",
	       "a", ":path", "/");
	REFUSE(":method", "CONNECT", ":authority", "a:443");
}

/* Sends a POST whose stated length is not that of its data. */
static void lie_about_length(const char *length, const char *data)
{
	autocall(victim_finish) struct victim victim;
	const char *const head[] = { POST_HEAD, "content-length", length, NULL };

	victim_init(&victim, HTTP_SERVER);
	frame_head(&victim.wire, 1, 0, head);
	frame_put(&victim.wire, FRAME_DATA, FRAME_END_STREAM, 1, data, strlen(data));
	strike(&victim);
	CHECK_EQ(said(&victim, FRAME_RST_STREAM), 1);
	CHECK(strstr(record_take(&victim.record), "end") == NULL);
	CHECK_EQ(victim.record.gone, victim.record.requests);
}

TEST(p10_content_length_is_not_that_of_data)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { POST_HEAD, "content-length", "5", NULL };

	lie_about_length("5", "abcd");
	lie_about_length("5", "abcdef");
	lie_about_length("0", "a");
	victim_init(&victim, HTTP_SERVER);
	frame_head(&victim.wire, 1, FRAME_END_STREAM, head);
	strike(&victim);
	CHECK_EQ(victim.record.requests, 0);
	CHECK_EQ(said(&victim, FRAME_RST_STREAM), 1);
}

TEST(trailers_say_neither_framing_nor_who_asks)
{
	static const char *const names[] = { "authorization", "host",	   "content-length",
					     "cookie",	      "x-api-key", ":path",
					     "connection",    "proxy-x",   "X" };

	for (size_t i = 0; i < countof(names); i++) {
		autocall(victim_finish) struct victim victim;
		static const char *const head[] = { POST_HEAD, NULL };
		const char *const trailers[] = { names[i], "0", NULL };

		victim_init(&victim, HTTP_SERVER);
		frame_head(&victim.wire, 1, 0, head);
		frame_head(&victim.wire, 1, FRAME_END_STREAM, trailers);
		strike(&victim);
		CHECK_EQ(said(&victim, FRAME_RST_STREAM), 1);
		CHECK_STR(record_take(&victim.record),
			  "request POST https://a.example/ length -1 body\ncut malformed\ngone\n");
	}
}

TEST(p10_continuation_flood)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { GET_HEAD, NULL };
	struct buf block;

	victim_init(&victim, HTTP_SERVER);
	buf_init(&block, 4096);
	for (const char *const *pair = head; *pair != NULL; pair += 2)
		frame_field(&block, pair[0], pair[1]);
	frame_put(&victim.wire, FRAME_HEADERS, FRAME_END_STREAM, 1, block.data, block.len);
	buf_clear(&block);
	frame_field(&block, "x", "y");
	for (int i = 0; i < 1000; i++)
		frame_put(&victim.wire, FRAME_CONTINUATION, 0, 1, block.data, block.len);
	strike(&victim);
	CHECK_EQ(victim.record.requests, 0);
	CHECK_STR(record_take(&victim.record), "broken\n");
	CHECK(http_is_done(victim.codec));
	buf_finish(&block);
}

TEST(p10_rapid_reset)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { GET_HEAD, NULL };
	static const uint8_t cancel[4] = { 0, 0, 0, 8 };

	victim_init(&victim, HTTP_SERVER);
	victim.record.answers = false;
	victim.record.is_quiet = true;
	for (uint32_t i = 0; i < 10000; i++) {
		frame_head(&victim.wire, 2 * i + 1, FRAME_END_STREAM, head);
		frame_put(&victim.wire, FRAME_RST_STREAM, 0, 2 * i + 1, cancel, sizeof(cancel));
	}
	strike(&victim);
	CHECK_EQ(said(&victim, FRAME_GOAWAY), 11); /* ENHANCE_YOUR_CALM */
	CHECK(victim.record.requests < 2000);
	CHECK_EQ(victim.record.gone, victim.record.requests);
	CHECK(http_is_done(victim.codec));
}

/* The peer makes us reset, so that none of its own frames is a reset. */
TEST(p10_rapid_reset_by_the_victim)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { POST_HEAD, NULL };
	static const uint8_t most[4] = { 0x7f, 0xff, 0xff, 0xff };

	victim_init(&victim, HTTP_SERVER);
	victim.record.answers = false;
	victim.record.is_quiet = true;
	for (uint32_t i = 0; i < 10000; i++) {
		frame_head(&victim.wire, 2 * i + 1, 0, head);
		/* A window that grows too large is an error of the stream. */
		frame_put(&victim.wire, FRAME_WINDOW_UPDATE, 0, 2 * i + 1, most, sizeof(most));
		strike(&victim);
	}
	CHECK_EQ(said(&victim, FRAME_GOAWAY), 11);
	CHECK(victim.record.requests < 2000);
	CHECK_EQ(victim.record.gone, victim.record.requests);
}

/* One entry of 4000 bytes in the dynamic table, then a byte for each further 4000. */
TEST(p10_hpack_bomb)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { GET_HEAD, NULL };
	static char value[4001];
	struct buf block;
	size_t start;

	victim_init(&victim, HTTP_SERVER);
	buf_init(&block, 1 << 16);
	memset(value, 'v', sizeof(value) - 1);
	for (const char *const *pair = head; *pair != NULL; pair += 2)
		frame_field(&block, pair[0], pair[1]);
	start = block.len;
	frame_field(&block, "x", value);
	block.data[start] = 0x40; /* with incremental indexing, instead of without */
	for (int i = 0; i < 10000; i++)
		(void)buf_append(&block, "\xbe", 1);
	frame_put(&victim.wire, FRAME_HEADERS, FRAME_END_HEADERS | FRAME_END_STREAM, 1, block.data,
		  block.len);
	strike(&victim);
	CHECK_EQ(victim.record.requests, 0);
	CHECK_EQ(said(&victim, FRAME_GOAWAY), -1); /* so the block was well formed */
	CHECK(said(&victim, FRAME_RST_STREAM) > 0);
	buf_finish(&block);
}

TEST(p24_too_many_fields)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { GET_HEAD, NULL };
	struct buf block;

	victim_init(&victim, HTTP_SERVER);
	buf_init(&block, 1 << 16);
	for (const char *const *pair = head; *pair != NULL; pair += 2)
		frame_field(&block, pair[0], pair[1]);
	for (int i = 0; i < 300; i++)
		frame_field(&block, "x", "");
	frame_put(&victim.wire, FRAME_HEADERS, FRAME_END_HEADERS | FRAME_END_STREAM, 1, block.data,
		  block.len);
	strike(&victim);
	CHECK_EQ(victim.record.requests, 0);
	CHECK(said(&victim, FRAME_RST_STREAM) > 0);
	buf_finish(&block);
}

/* Sends so many of one idle frame that the victim loses its patience. */
static void flood(enum frame_type type, unsigned flags, uint32_t id, const void *payload,
		  size_t len)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { POST_HEAD, NULL };

	victim_init(&victim, HTTP_SERVER);
	frame_head(&victim.wire, 1, 0, head);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 100; i++)
			frame_put(&victim.wire, type, flags, id, payload, len);
		strike(&victim);
	}
	CHECK_EQ(said(&victim, FRAME_GOAWAY), 11);
	CHECK(victim.said.len < 100000);
	CHECK(http_is_done(victim.codec));
	CHECK_EQ(victim.record.gone, 1);
}

TEST(p10_floods_of_idle_frames)
{
	static const uint8_t ping[8], priority[5] = { 0, 0, 0, 0, 1 };

	flood(FRAME_PING, 0, 0, ping, sizeof(ping));
	flood(FRAME_SETTINGS, 0, 0, NULL, 0);
	flood(FRAME_PRIORITY, 0, 3, priority, sizeof(priority));
	flood(FRAME_DATA, 0, 1, NULL, 0);
}

/* Nobody reads what the victim says: its acknowledgements must not pile up. */
TEST(p10_pings_that_nobody_hears_the_answer_of)
{
	autocall(victim_finish) struct victim victim;
	static const uint8_t ping[8];

	victim_init(&victim, HTTP_SERVER);
	for (int i = 0; i < 900; i++)
		frame_put(&victim.wire, FRAME_PING, 0, 0, ping, sizeof(ping));
	CHECK_EQ(record_feed(victim.codec, victim.wire.data, victim.wire.len, SIZE_MAX), -EPROTO);
	CHECK_STR(record_take(&victim.record), "broken\n");
	record_drain(victim.codec, &victim.said);
	CHECK(http_is_done(victim.codec));
}

TEST(p24_more_streams_than_were_offered)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { GET_HEAD, NULL };

	victim_init(&victim, HTTP_SERVER);
	strike(&victim);
	victim.record.answers = false;
	victim.record.is_quiet = true;
	for (uint32_t i = 0; i < 150; i++)
		frame_head(&victim.wire, 2 * i + 1, FRAME_END_STREAM, head);
	strike(&victim);
	CHECK_EQ(victim.record.requests, 100);
	CHECK(said(&victim, FRAME_RST_STREAM) > 0 || said(&victim, FRAME_GOAWAY) > 0);
}

TEST(p24_more_data_than_the_window)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { POST_HEAD, NULL };
	static uint8_t data[16384];

	victim_init(&victim, HTTP_SERVER);
	victim.record.holds = true;
	victim.record.is_quiet = true;
	frame_head(&victim.wire, 1, 0, head);
	for (int i = 0; i < 200; i++)
		frame_put(&victim.wire, FRAME_DATA, 0, 1, data, sizeof(data));
	strike(&victim);
	CHECK(victim.record.held <= (1 << 18) + sizeof(data));
	CHECK(said(&victim, FRAME_RST_STREAM) == 3 || said(&victim, FRAME_GOAWAY) == 3);
}

TEST(p11_http_1_on_an_http_2_connection)
{
	autocall(victim_finish) struct victim victim;
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	victim_init(&victim, HTTP_SERVER);
	buf_clear(&victim.wire);
	CHECK_EQ(record_feed(victim.codec, request, strlen(request), SIZE_MAX), -EPROTO);
	CHECK_STR(record_take(&victim.record), "broken\n");
	record_drain(victim.codec, &victim.said);
	CHECK(http_is_done(victim.codec));
}

/* A client that was asked for / on stream 1 and has said so. */
static void client_init(struct victim *victim)
{
	struct http_request request;

	victim_init(victim, HTTP_CLIENT);
	strike(victim);
	http_request_init(&request);
	memcpy(request.method, "GET", 4);
	request.scheme = strdup("https");
	request.authority = strdup("a.example");
	request.path = strdup("/");
	(void)http_open(victim->codec, &request, false, NULL);
	http_request_finish(&request);
	record_drain(victim->codec, &victim->said);
	buf_clear(&victim->said);
}

/* A response head that must not be believed. */
static void refuse_response(const char *const *pairs)
{
	autocall(victim_finish) struct victim victim;

	client_init(&victim);
	frame_head(&victim.wire, 1, FRAME_END_STREAM, pairs);
	strike(&victim);
	CHECK_STR(record_take(&victim.record), "cut malformed\ngone\n");
	CHECK_EQ(said(&victim, FRAME_RST_STREAM), 1);
}

TEST(a_response_is_judged_too)
{
	static const char *const cases[][5] = {
		{ ":status", "200", "X", "y" },
		{ ":status", "200", "x", "a\r\nset-cookie: b" },
		{ ":status", "200", "transfer-encoding", "chunked" },
		{ ":status", "200", "content-length", "5" },
		{ ":status", "200", "content-length", "x" },
		{ ":status", "101" },
		{ ":status", "99" },
		{ ":status", "2000" },
		{ ":status", "+20" },
		{ ":status", "100" }, /* with END_STREAM */
		{ "x", "y", ":status", "200" },
		{ "x", "y" },
		{ ":path", "/" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		refuse_response(cases[i]);
		if (test_failed) {
			printf("# case %zu\n", i);
			return;
		}
	}
}

TEST(a_push_is_refused)
{
	autocall(victim_finish) struct victim victim;
	static const uint8_t promise[] = { 0, 0, 0, 2, 0x82 };

	client_init(&victim);
	frame_put(&victim.wire, 5, FRAME_END_HEADERS, 1, promise, sizeof(promise));
	strike(&victim);
	CHECK_EQ(said(&victim, FRAME_GOAWAY), 1);
	CHECK_STR(record_take(&victim.record), "broken\ncut closed\ngone\n");
}

TEST(a_response_that_never_becomes_final_is_cut)
{
	autocall(victim_finish) struct victim victim;
	static const char *const head[] = { ":status", "103", NULL };

	client_init(&victim);
	for (int i = 0; i < 100; i++)
		frame_head(&victim.wire, 1, 0, head);
	strike(&victim);
	CHECK_EQ(victim.record.responses, 32);
	CHECK_EQ(victim.record.gone, 1);
}

TEST(goaway_says_which_requests_may_be_tried_elsewhere)
{
	autocall(victim_finish) struct victim victim;
	static const uint8_t none_was_seen[8];

	client_init(&victim);
	frame_put(&victim.wire, FRAME_GOAWAY, 0, 0, none_was_seen, 8);
	strike(&victim);
	CHECK_STR(record_take(&victim.record), "cut refused\ngone\n");
	CHECK(!http_can_open(victim.codec));
	CHECK(http_is_done(victim.codec));
}

TEST_MAIN()
