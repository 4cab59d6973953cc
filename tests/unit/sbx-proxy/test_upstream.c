#include <errno.h>

#include "base/err.h"
#include "sbx-proxy/upstream.h"
#include "tests/unit/test.h"

struct fixture {
	struct upstream upstream;
	struct upstream_talk talk;
	struct buf out;
	struct err err;
	size_t taken;
};

static int begin(struct fixture *f, const char *url, const char *host, uint16_t port)
{
	*f = (struct fixture){ .err = ERR_INIT };
	buf_init(&f->out, 4096);
	if (upstream_parse(url, &f->upstream) < 0)
		return -EINVAL;
	return upstream_begin(&f->talk, &f->upstream, host, port, &f->out);
}

static int hear(struct fixture *f, const void *bytes, size_t len)
{
	buf_clear(&f->out);
	return upstream_hear(&f->talk, bytes, len, &f->taken, &f->out, &f->err);
}

TEST(urls_are_read)
{
	struct upstream got;

	CHECK_EQ(upstream_parse("http://corp:3128", &got), 0);
	CHECK(got.kind == UPSTREAM_HTTP && !got.has_login);
	CHECK_EQ(upstream_parse("socks5h://a%40b:c%3Ad@corp:1080/x", &got), 0);
	CHECK(got.kind == UPSTREAM_SOCKS5 && got.has_login);
	CHECK_STR(got.user, "a@b");
	CHECK_STR(got.password, "c:d");
	CHECK_EQ(upstream_parse("https://corp", &got), -EINVAL);
	CHECK_EQ(upstream_parse("http://a%0d:b@corp", &got), -EINVAL);
	CHECK_EQ(upstream_parse("http://a%4:b@corp", &got), -EINVAL);
	CHECK_EQ(upstream_parse("http://a%zz:b@corp", &got), -EINVAL);
}

TEST(an_HTTP_proxy_is_asked_by_CONNECT)
{
	struct fixture f;
	static const char good[] = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nmore";
	static const char bad[] = "HTTP/1.1 407 Who\r\n\r\n";

	CHECK_EQ(begin(&f, "http://u:p@corp:1", "2001:db8::1", 443), 0);
	CHECK_STR(buf_str(&f.out),
		  "CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"
		  "Host: [2001:db8::1]:443\r\n"
		  "Proxy-Authorization: Basic dTpw\r\n\r\n");
	for (size_t i = 0; i < sizeof(good) - 1 - 4; i++)
		CHECK_EQ(hear(&f, good, i), 0);
	CHECK_EQ(hear(&f, good, sizeof(good) - 1), 1);
	CHECK_EQ(f.taken, sizeof(good) - 1 - 4);
	buf_finish(&f.out);
	CHECK_EQ(begin(&f, "http://corp:1", "a.example", 22), 0);
	CHECK_EQ(hear(&f, bad, sizeof(bad) - 1), -ECONNREFUSED);
	CHECK(strstr(f.err.text, "a.example:22") != NULL && strstr(f.err.text, "407") != NULL);
	CHECK_EQ(hear(&f, "SSH-2.0-what-is-this\r\n\r\n", 24), -EPROTO);
	CHECK_EQ(hear(&f, "HTTP/1.1 \033[2\r\n\r\n", 16), -EPROTO); /* no number for a log */
	buf_finish(&f.out);
}

TEST(a_SOCKS_proxy_is_given_the_name)
{
	struct fixture f;

	CHECK_EQ(begin(&f, "socks5://corp:1", "a.example", 443), 0);
	CHECK_EQ(f.out.len, 3);
	CHECK_MEM(f.out.data, "\5\1\0", 3);
	CHECK_EQ(hear(&f, "\5", 1), 0);
	CHECK_EQ(hear(&f, "\5\0", 2), 0);
	CHECK_EQ(f.out.len, 16);
	CHECK_MEM(f.out.data,
		  "\5\1\0\3\x09"
		  "a.example\1\xbb",
		  16);
	CHECK_EQ(hear(&f, "\5\0\0\3\2ab\0", 8), 0);
	CHECK_EQ(hear(&f, "\5\0\0\3\2ab\0\0x", 10), 1);
	CHECK_EQ(f.taken, 9);
	buf_finish(&f.out);
}

TEST(a_SOCKS_proxy_that_refuses_is_believed)
{
	struct fixture f;

	CHECK_EQ(begin(&f, "socks5://u:p@corp:1", "192.0.2.1", 443), 0);
	CHECK_EQ(hear(&f, "\5\2", 2), 0);
	CHECK_MEM(f.out.data, "\1\1u\1p", 5);
	CHECK_EQ(hear(&f, "\1\0", 2), 0);
	CHECK_MEM(f.out.data, "\5\1\0\1\xc0\0\2\1\1\xbb", 10);
	CHECK_EQ(hear(&f, "\5\2\0\1\0\0\0\0\0\0", 10), -ECONNREFUSED);
	buf_finish(&f.out);
	CHECK_EQ(begin(&f, "socks5://corp:1", "a.example", 443), 0);
	CHECK_EQ(hear(&f, "\5\2", 2), -ECONNREFUSED); /* a login that we do not have */
	CHECK_EQ(hear(&f, "\4\0", 2), -EPROTO);
	buf_finish(&f.out);
}

TEST_MAIN()
