#include <errno.h>

#include <openssl/ssl.h>

#include "base/bytes.h"
#include "tests/unit/test.h"
#include "tls/client_hello.h"

enum { ROOM = 1 << 17 };

struct bytes {
	uint8_t data[ROOM];
	size_t len;
};

static void put(struct bytes *to, const void *from, size_t len)
{
	memcpy(to->data + to->len, from, len);
	to->len += len;
}

static void put16(struct bytes *to, size_t number)
{
	be16_store(to->data + to->len, (uint16_t)number);
	to->len += 2;
}

static void put_extension(struct bytes *to, unsigned type, const void *value, size_t len)
{
	put16(to, type);
	put16(to, len);
	put(to, value, len);
}

static void put_name(struct bytes *to, const char *name)
{
	uint8_t value[512];
	size_t len = strlen(name);

	be16_store(value, (uint16_t)(len + 3));
	value[2] = 0;
	be16_store(value + 3, (uint16_t)len);
	memcpy(value + 5, name, len);
	put_extension(to, 0, value, len + 5);
}

/* A hello with these extensions, in records of at most `record` bytes. */
static void make_hello(struct bytes *ret, const struct bytes *extensions, size_t record)
{
	static struct bytes message;
	static const uint8_t head[] = { 3, 3 };

	message.len = 4;
	put(&message, head, 2);
	memset(message.data + message.len, 7, 32);
	message.len += 32;
	put(&message, "\0", 1);
	put(&message, "\0\x02\x13\x01", 4);
	put(&message, "\x01\0", 2);
	put16(&message, extensions->len);
	put(&message, extensions->data, extensions->len);
	be32_store(message.data, (uint32_t)(message.len - 4));
	message.data[0] = 1;
	ret->len = 0;
	for (size_t at = 0; at < message.len; at += record) {
		size_t len = message.len - at < record ? message.len - at : record;

		put(ret, "\x16\x03\x01", 3);
		put16(ret, len);
		put(ret, message.data + at, len);
	}
}

static struct bytes hello, extensions;

static int parse_name(const char *name, struct client_hello *ret)
{
	extensions.len = 0;
	put_name(&extensions, name);
	make_hello(&hello, &extensions, 16384);
	return client_hello_parse(hello.data, hello.len, ret);
}

TEST(what_openssl_says_is_understood)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	struct client_hello got;
	char *data;
	long len;

	SSL_set_bio(ssl, in, out);
	CHECK_EQ(SSL_set_tlsext_host_name(ssl, "API.Example.com"), 1);
	CHECK_EQ(SSL_set_alpn_protos(ssl, (const uint8_t *)"\x02h2\x08http/1.1", 12), 0);
	CHECK(SSL_connect(ssl) < 0);
	len = BIO_get_mem_data(out, &data);
	CHECK_EQ(client_hello_parse((const uint8_t *)data, (size_t)len, &got), 1);
	CHECK_STR(got.name, "api.example.com");
	CHECK_EQ(got.alpn, ALPN_H2 | ALPN_HTTP1);
	CHECK(got.has_alpn && got.speaks_tls12 && !got.has_ech);
	for (long i = 0; i < len; i++)
		CHECK_EQ(client_hello_parse((const uint8_t *)data, (size_t)i, &got), 0);
	SSL_free(ssl);
	SSL_CTX_free(context);
}

/* P05: in many records, byte by byte, large. */
TEST(P05_pieces_are_put_together)
{
	static uint8_t padding[60000];
	struct client_hello got;

	extensions.len = 0;
	put_name(&extensions, "a.example");
	make_hello(&hello, &extensions, 2);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), 1);
	CHECK_STR(got.name, "a.example");
	make_hello(&hello, &extensions, 1);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), -EPROTO);
	put_extension(&extensions, 21, padding, sizeof(padding));
	make_hello(&hello, &extensions, 16384);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), 1);
	for (size_t i = 0; i < hello.len; i += 997)
		CHECK_EQ(client_hello_parse(hello.data, i, &got), 0);
}

TEST(P05_two_names_are_refused)
{
	static const uint8_t two[] = "\0\x0c\0\0\3a.b\0\0\3c.d";
	struct client_hello got;

	extensions.len = 0;
	put_name(&extensions, "a.example");
	put_name(&extensions, "b.example");
	make_hello(&hello, &extensions, 16384);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), -EPROTO);
	extensions.len = 0;
	put_extension(&extensions, 0, two, sizeof(two) - 1);
	make_hello(&hello, &extensions, 16384);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), -EPROTO);
}

TEST(P05_GREASE_is_passed_over)
{
	struct client_hello got;

	extensions.len = 0;
	put_extension(&extensions, 0x0a0a, "", 0);
	put_name(&extensions, "a.example");
	put_extension(&extensions, 43, "\x06\x1a\x1a\x03\x04\x03\x03", 7);
	put_extension(&extensions, 16, "\0\x09\x02\x3a\x3a\x02h2\x02xy", 11);
	put_extension(&extensions, 0xfafa, "\0", 1);
	make_hello(&hello, &extensions, 16384);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), 1);
	CHECK_STR(got.name, "a.example");
	CHECK_EQ(got.alpn, ALPN_H2);
	CHECK(got.speaks_tls12);
}

TEST(P06_ECH_is_seen)
{
	struct client_hello got;

	extensions.len = 0;
	put_name(&extensions, "public.example");
	put_extension(&extensions, 0xfe0d, "\0\0\1\0\1\0", 6);
	make_hello(&hello, &extensions, 16384);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), 1);
	CHECK(got.has_ech);
}

TEST(P23_a_name_is_a_host_name)
{
	static const char *const bad[] = {
		"",	    ".",	 "a..b", ".a",	"a.",
		"a b",	    "a,DNS:b.c", "a/b",	 "a:1", "\xc3\xa4.example",
		"*.example"
	};
	struct client_hello got;
	char label[80];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(parse_name(bad[i], &got), -EPROTO);
	memset(label, 'a', 64);
	label[64] = '\0';
	CHECK_EQ(parse_name(label, &got), -EPROTO);
	label[63] = '\0';
	CHECK_EQ(parse_name(label, &got), 1);
	extensions.len = 0;
	put_extension(&extensions, 0, "\0\x06\0\0\3a\0b", 8);
	make_hello(&hello, &extensions, 16384);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), -EPROTO);
}

TEST(P04_no_name_is_seen)
{
	struct client_hello got;

	extensions.len = 0;
	make_hello(&hello, &extensions, 16384);
	CHECK_EQ(client_hello_parse(hello.data, hello.len, &got), 1);
	CHECK_STR(got.name, "");
	CHECK(!got.has_alpn);
}

TEST(other_protocols_are_not_TLS)
{
	struct client_hello got;

	CHECK_EQ(client_hello_parse((const uint8_t *)"GET / HTTP/1.1", 14, &got), -EPROTO);
	CHECK_EQ(client_hello_parse((const uint8_t *)"S", 1, &got), -EPROTO);
	CHECK_EQ(client_hello_parse((const uint8_t *)"\x16\x02", 2, &got), -EPROTO);
	CHECK_EQ(client_hello_parse((const uint8_t *)"\x16\x03\x01\0\0\x01", 6, &got), -EPROTO);
	CHECK_EQ(client_hello_parse((const uint8_t *)"\x16\x03\x01\0\x04\x02\0\0\0", 9, &got),
		 -EPROTO);
	/* SSL 2 */
	CHECK_EQ(client_hello_parse((const uint8_t *)"\x80\x2e\x01", 3, &got), -EPROTO);
	/* a message that says it is too large */
	CHECK_EQ(client_hello_parse((const uint8_t *)"\x16\x03\x01\0\x04\x01\x01\0\0", 9, &got),
		 -EPROTO);
	CHECK_EQ(client_hello_parse(NULL, 0, &got), 0);
}

/* Each byte of a good hello changed: never more than right or refused (ASan watches). */
TEST(damage_is_harmless)
{
	struct client_hello got;

	CHECK_EQ(parse_name("a.example", &got), 1);
	for (size_t i = 0; i < hello.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			int r;

			hello.data[i] ^= (uint8_t)(1 << bit);
			r = client_hello_parse(hello.data, hello.len, &got);
			CHECK(r == 0 || r == 1 || r == -EPROTO);
			hello.data[i] ^= (uint8_t)(1 << bit);
		}
	}
}

TEST_MAIN()
