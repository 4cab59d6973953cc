#include "sbx/http.h"

#include <errno.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"

static int parse(const char *text, struct http_head *ret)
{
	return http_head_parse((const uint8_t *)text, strlen(text), ret);
}

TEST(heads)
{
	struct http_head head;
	static const char plain[] = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX: y\r\n\r\nrest";
	static const char chunked[] = "HTTP/1.1 404 \r\ntransfer-encoding:\tchunked \r\n\r\n";
	static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";

	CHECK_EQ(parse(plain, &head), sizeof(plain) - 1 - 4);
	CHECK_EQ(head.status, 200);
	CHECK(head.has_length && !head.chunked);
	CHECK_EQ(head.length, 12);
	CHECK_EQ(parse(chunked, &head), sizeof(chunked) - 1);
	CHECK_EQ(head.status, 404);
	CHECK(head.chunked && !head.has_length);
	CHECK_EQ(parse(upgrade, &head), sizeof(upgrade) - 1);
	CHECK_EQ(head.status, 101);
	CHECK_EQ(parse("HTTP/1.1 200\r\n\r\n", &head), 16);
}

TEST(every_cut_asks_for_more)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		autofree uint8_t *exact = malloc(len + 1);
		struct http_head head;

		CHECK(exact != NULL);
		memcpy(exact, text, len);
		CHECK_EQ(http_head_parse(exact, len, &head), 0);
	}
}

TEST(nonsense_is_refused)
{
	static const char *const cases[] = {
		"HTTP/1.0 200 OK\r\n\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 200 OK\n\n",
		"HTTP/1.1 200 OK\rX\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: empty\r\n\r\n",
		"HTTP/1.1 200 OK\r\nName : space\r\n\r\n",
		"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
		"\x1b[31m\r\n\r\n",
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct http_head head;

		CHECK_EQ(parse(cases[i], &head), -EPROTO);
	}
}

TEST(a_huge_head_is_refused)
{
	autocall(buf_finish) struct buf text;
	struct http_head head;

	buf_init(&text, 1 << 20);
	CHECK_EQ(buf_printf(&text, "HTTP/1.1 200 OK\r\n"), 0);
	while (text.len <= HTTP_HEAD_MAX)
		CHECK_EQ(buf_printf(&text, "X-Header: filler\r\n"), 0);
	CHECK_EQ(http_head_parse(text.data, text.len, &head), -EPROTO);
	buf_clear(&text);
	CHECK_EQ(buf_printf(&text, "HTTP/1.1 200 OK\r\nX: "), 0);
	while (text.len < 8192)
		CHECK_EQ(buf_printf(&text, "a"), 0);
	CHECK_EQ(buf_printf(&text, "\r\n\r\n"), 0);
	CHECK_EQ(http_head_parse(text.data, text.len, &head), -EPROTO);
}

/* Feeds the text in pieces of `step` bytes; what is not taken is offered again. */
static ssize_t feed(struct http_body *body, const char *text, size_t step, struct buf *to)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t len = strlen(text), start = 0, end = 0;

	while (end < len) {
		ssize_t n;

		end = min_of(end + step, len);
		n = http_body_feed(body, bytes + start, end - start, to);
		if (n < 0)
			return n;
		start += (size_t)n;
	}
	return (ssize_t)start;
}

TEST(bodies_in_pieces_of_any_size)
{
	static const char chunked[] = "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n";

	for (size_t step = 1; step < sizeof(chunked); step++) {
		autocall(buf_finish) struct buf to;
		struct http_body body;

		buf_init(&to, 64);
		http_body_init(&body, &(struct http_head){ .status = 200, .chunked = true });
		CHECK_EQ(feed(&body, chunked, step, &to), sizeof(chunked) - 1);
		CHECK_EQ(body.state, HTTP_BODY_DONE);
		CHECK_STR(buf_str(&to), "hello world");
		buf_clear(&to);
		http_body_init(&body, &(struct http_head){
					      .status = 200, .has_length = true, .length = 5 });
		CHECK_EQ(feed(&body, "hello, more", step, &to), 5);
		CHECK_EQ(body.state, HTTP_BODY_DONE);
		CHECK_STR(buf_str(&to), "hello");
	}
}

TEST(bodies_that_end_early)
{
	autocall(buf_finish) struct buf to;
	struct http_body body;

	buf_init(&to, 64);
	http_body_init(&body,
		       &(struct http_head){ .status = 200, .has_length = true, .length = 5 });
	CHECK_EQ(feed(&body, "hel", 3, &to), 3);
	CHECK_EQ(http_body_end(&body), -EPROTO);
	http_body_init(&body, &(struct http_head){ .status = 200, .chunked = true });
	CHECK_EQ(feed(&body, "3\r\nhel\r\n", 3, &to), 8);
	CHECK_EQ(http_body_end(&body), -EPROTO);
	http_body_init(&body, &(struct http_head){ .status = 200 });
	CHECK_EQ(feed(&body, "until the end", 4, &to), 13);
	CHECK_EQ(http_body_end(&body), 0);
	http_body_init(&body, &(struct http_head){ .status = 204 });
	CHECK_EQ(http_body_end(&body), 0);
}

TEST(bad_chunks_are_refused)
{
	static const char *const cases[] = {
		"x\r\n", "\r\n", "-1\r\n", "11111111111111111\r\n", "1\r\nabc\r\n", "1\n", "0x1\r\n"
	};

	for (size_t i = 0; i < countof(cases); i++) {
		autocall(buf_finish) struct buf to;
		struct http_body body;

		buf_init(&to, 64);
		http_body_init(&body, &(struct http_head){ .status = 200, .chunked = true });
		CHECK_EQ(feed(&body, cases[i], 100, &to), -EPROTO);
	}
}

TEST(a_body_cannot_outgrow_its_buffer)
{
	autocall(buf_finish) struct buf to;
	struct http_body body;

	buf_init(&to, 4);
	http_body_init(&body, &(struct http_head){ .status = 200 });
	CHECK_EQ(feed(&body, "hello", 5, &to), -ENOBUFS);
}

TEST_MAIN()
