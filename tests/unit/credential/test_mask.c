#include <brotli/encode.h>
#include <errno.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/check.h"
#include "http/message.h"
#include "tests/unit/credential/sample.h"
#include "tests/unit/test.h"

static const struct sample samples[] = {
	{ "openai", CREDENTIAL_SERVICE, "api.test", "authorization", "Bearer %s", "proxy-managed",
	  NULL, "sk-real\"value/<1>+ x" },
	{ "MY_KEY", CREDENTIAL_CUSTOM, "custom.test", NULL, NULL, "sk-placeholder-1", NULL,
	  "aaaabaaaabaaaab" },
	{ "short", CREDENTIAL_CUSTOM, "custom.test", NULL, NULL, "sk-placeholder-2", NULL, "abc" },
};

static int mask_bytes(const char *encoding, const uint8_t *bytes, size_t len, size_t step,
		      struct buf *out, unsigned *ret_found)
{
	struct credentials *set = sample_set(samples, countof(samples));
	struct credential_masker *masker = NULL;
	int r = credential_masker_create(set, encoding, &masker);

	buf_clear(out);
	for (size_t off = 0; r == 0 && off < len; off += step)
		r = credential_masker_feed(masker, bytes + off, min_of(step, len - off), false,
					   out);
	if (r == 0)
		r = credential_masker_feed(masker, NULL, 0, true, out);
	if (masker != NULL)
		*ret_found = credential_masker_found(masker);
	credential_masker_destroy(masker);
	credentials_destroy(set);
	return r;
}

static int mask(const char *text, size_t step, struct buf *out)
{
	unsigned found;

	return mask_bytes(NULL, (const uint8_t *)text, strlen(text), step, out, &found);
}

struct form_case {
	const char *text, *masked;
};

/* P15: whatever the origin writes around it, and however it comes in pieces. */
static const struct form_case form_cases[] = {
	{ "", "" },
	{ "nothing, abc, sk-rea", "nothing, abc, sk-rea" },
	{ "<sk-real\"value/<1>+ x>", "<********************>" },
	{ "{\"k\":\"sk-real\\\"value/<1>+ x\"}", "{\"k\":\"*********************\"}" },
	{ "{\"k\":\"sk-real\\\"value\\/<1>+ x\"}", "{\"k\":\"**********************\"}" },
	{ "{\"sk-real\\\"value/\\u003c1\\u003e+ x\"}", "{\"*******************************\"}" },
	{ "?k=sk-real%22value%2F%3C1%3E%2B%20x&", "?k=********************************&" },
	{ "?k=sk-real%22value%2f%3c1%3e%2b+x&", "?k=******************************&" },
	{ "?k=sk-real%22value/%3C1%3E%2B%20x&", "?k=******************************&" },
	/* base64 of "sk-…x", "ask-…x!", "absk-…x", "me:sk-…x" */
	{ "c2stcmVhbCJ2YWx1ZS88MT4rIHg=", "**************************g=" },
	{ "YXNrLXJlYWwidmFsdWUvPDE+KyB4IQ==", "YX**************************IQ==" },
	{ "YWJzay1yZWFsInZhbHVlLzwxPisgeA==", "YWJ**************************A==" },
	{ "YWJzay1yZWFsInZhbHVlLzwxPisgeA", "YWJ**************************A" },
	/* a value that overlaps itself */
	{ "aaaabaaaabaaaabaaaabaaaab", "*************************" },
	{ "aaaabaaaabaaaaa", "aaaabaaaabaaaaa" },
	{ "aaaabaaaabaaaaaaaabaaaabaaaab", "aaaabaaaabaaaa***************" },
};

TEST(p15_every_form_across_pieces)
{
	struct buf out;

	buf_init(&out, 4096);
	for (size_t i = 0; i < countof(form_cases); i++) {
		for (size_t step = 1; step < 40; step++) {
			CHECK_EQ(mask(form_cases[i].text, step, &out), 0);
			if (strcmp(buf_str(&out), form_cases[i].masked) != 0)
				TEST_FAIL_("%s by %zu became %s", form_cases[i].text, step,
					   buf_str(&out));
		}
	}
	buf_finish(&out);
}

TEST(only_what_may_be_a_beginning_is_held_back)
{
	struct credentials *set = sample_set(samples, countof(samples));
	struct credential_masker *masker = NULL;
	struct buf out;

	buf_init(&out, 4096);
	CHECK_EQ(credential_masker_create(set, NULL, &masker), 0);
	CHECK_EQ(credential_masker_feed(masker, (const uint8_t *)"data: {}\n\n", 10, false, &out),
		 0);
	CHECK_STR(buf_str(&out), "data: {}\n\n");
	CHECK_EQ(credential_masker_feed(masker, (const uint8_t *)"data: sk-r", 10, false, &out), 0);
	CHECK_STR(buf_str(&out), "data: {}\n\ndata: ");
	credential_masker_destroy(masker);
	credentials_destroy(set);
	buf_finish(&out);
}

/* As `text` of TEXT_LEN bytes with a value in the middle. */
enum { TEXT_LEN = 200000 };
static char text[TEXT_LEN + 1];
static uint8_t packed[TEXT_LEN * 2];

static void fill_text(void)
{
	for (size_t i = 0; i < TEXT_LEN; i++)
		text[i] = "0123456789 the quick brown fox\n"[(i * i / 7) % 31];
	memcpy(text + TEXT_LEN / 2, samples[0].value, strlen(samples[0].value));
}

static size_t pack(const char *encoding)
{
	uLongf zlib_len = sizeof(packed);
	size_t len = sizeof(packed);
	z_stream gzip = { .next_in = (Bytef *)text,
			  .avail_in = TEXT_LEN,
			  .next_out = packed,
			  .avail_out = sizeof(packed) };

	fill_text();
	if (strcmp(encoding, "zstd") == 0)
		return ZSTD_compress(packed, sizeof(packed), text, TEXT_LEN, 3);
	if (strcmp(encoding, "deflate") == 0)
		return compress(packed, &zlib_len, (Bytef *)text, TEXT_LEN) == Z_OK ? zlib_len : 0;
	if (strcmp(encoding, "br") == 0)
		return BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, TEXT_LEN, (uint8_t *)text,
					     &len, packed)
			       ? len
			       : 0;
	(void)deflateInit2(&gzip, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
	(void)deflate(&gzip, Z_FINISH);
	(void)deflateEnd(&gzip);
	return gzip.total_out;
}

static const char *const encodings[] = { "gzip", "deflate", "br", "zstd" };

TEST(p15_through_compression)
{
	static const size_t steps[] = { 1, 7, 1000, 16384 };
	struct buf out;
	unsigned found = 0;

	buf_init(&out, TEXT_LEN + 1);
	for (size_t i = 0; i < countof(encodings) * countof(steps); i++) {
		const char *encoding = encodings[i / countof(steps)];
		size_t len = pack(encoding);

		CHECK(len > 0);
		CHECK_EQ(mask_bytes(encoding, packed, len, steps[i % countof(steps)], &out, &found),
			 0);
		CHECK_EQ(found, 1);
		CHECK_EQ(out.len, TEXT_LEN);
		memset(text + TEXT_LEN / 2, '*', strlen(samples[0].value));
		CHECK_MEM(out.data, text, TEXT_LEN);
	}
	buf_finish(&out);
}

/* P26: what cannot be read to its end does not pass as if it could. */
TEST(p26_cut_and_changed_streams_fail)
{
	struct buf out;
	unsigned found;

	buf_init(&out, TEXT_LEN * 4);
	for (size_t i = 0; i < countof(encodings); i++) {
		size_t len = pack(encodings[i]);

		CHECK_EQ(mask_bytes(encodings[i], packed, len - 1, 1000, &out, &found), -EBADMSG);
		packed[len] = 0x55;
		packed[len + 1] = 0x55;
		CHECK_EQ(mask_bytes(encodings[i], packed, len + 2, len + 2, &out, &found),
			 -EBADMSG);
		CHECK_EQ(mask_bytes(encodings[i], (const uint8_t *)"\x12\x34\x56\x78\x9a\xbc", 6, 6,
				    &out, &found),
			 -EBADMSG);
	}
	buf_finish(&out);
}

TEST(p26_after_an_error_nothing_passes)
{
	struct credentials *set = sample_set(samples, countof(samples));
	struct credential_masker *masker = NULL;
	struct buf out;

	buf_init(&out, 8);
	CHECK_EQ(credential_masker_create(set, "identity", &masker), 0);
	CHECK_EQ(credential_masker_feed(masker, (const uint8_t *)"123456789", 9, false, &out),
		 -ENOBUFS);
	buf_clear(&out);
	CHECK_EQ(credential_masker_feed(masker, (const uint8_t *)"1", 1, false, &out), -EBADMSG);
	CHECK_EQ(out.len, 0);
	credential_masker_destroy(masker);
	credentials_destroy(set);
	buf_finish(&out);
}

TEST(unknown_codings_cannot_be_looked_through)
{
	static const char *const unknown[] = { "compress", "gzip, br", "gzip,gzip", "dcb", "gzi" };
	struct buf out;
	unsigned found;

	buf_init(&out, 16);
	for (size_t i = 0; i < countof(unknown); i++)
		CHECK_EQ(mask_bytes(unknown[i], NULL, 0, 1, &out, &found), -EOPNOTSUPP);
	buf_finish(&out);
}

TEST(an_empty_body_is_no_error_in_any_coding)
{
	struct buf out;
	unsigned found;

	buf_init(&out, 16);
	for (size_t i = 0; i < countof(encodings); i++)
		CHECK_EQ(mask_bytes(encodings[i], NULL, 0, 1, &out, &found), 0);
	buf_finish(&out);
}

/* A stream that lets go what it is given, so that only the ratio can stop it. */
TEST(a_bomb_is_stopped)
{
	enum { PLAIN = 16 << 20 };
	uint8_t *plain = calloc(1, PLAIN);
	size_t len = ZSTD_compress(packed, sizeof(packed), plain, PLAIN, 1);
	struct credentials *set = sample_set(samples, countof(samples));
	struct credential_masker *masker = NULL;
	struct buf out;
	int r, rounds = 0;

	buf_init(&out, PLAIN + 1);
	CHECK_EQ(credential_masker_create(set, "zstd", &masker), 0);
	do {
		buf_clear(&out);
		r = credential_masker_feed(masker, packed, len, false, &out);
	} while (r == 0 && ++rounds < 100);
	CHECK_EQ(r, -E2BIG);
	CHECK(rounds < 8);
	credential_masker_destroy(masker);
	credentials_destroy(set);
	buf_finish(&out);
	free(plain);
}

TEST(response_heads_are_masked)
{
	struct credentials *set = sample_set(samples, countof(samples));
	struct http_response response = { .status = 200 };
	unsigned masked = 9;

	CHECK_EQ(http_fields_add(&response.fields, "x-echo", "k aaaabaaaabaaaab", 17), 0);
	CHECK_EQ(http_fields_add(&response.fields, "server", "x", 1), 0);
	CHECK_EQ(credentials_mask_fields(set, &response.fields, &masked), 0);
	CHECK_EQ(masked, 1);
	CHECK_STR(response.fields.items[0].value, "k ***************");
	CHECK_STR(response.fields.items[1].value, "x");
	http_response_finish(&response);
	credentials_destroy(set);
}

TEST_MAIN()
