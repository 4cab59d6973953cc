#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "inflate/inflater.h"
#include "tests/unit/test.h"

enum { GZIP = 16, ZLIB = 0, OUT_MAX = 256 << 20 };

static const char text[] = "the quick brown fox jumps over the lazy dog, and over it again";

static size_t deflate_into(uint8_t *to, size_t room, int header, const void *from, size_t len)
{
	z_stream zlib = { .next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)len };

	(void)deflateInit2(&zlib, 9, Z_DEFLATED, header + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
	zlib.next_out = to;
	zlib.avail_out = (uInt)room;
	(void)deflate(&zlib, Z_FINISH);
	(void)deflateEnd(&zlib);
	return zlib.total_out;
}

static int into_buf(void *context, const uint8_t *bytes, size_t len)
{
	return buf_append(context, bytes, len);
}

/* All of it, in pieces of `step` bytes. */
static int inflate_all(const struct inflater_config *config, const uint8_t *bytes, size_t len,
		       size_t step, struct buf *out)
{
	struct inflater *inflater;
	int r = inflater_create(config, &inflater);

	if (r < 0)
		return r;
	for (size_t at = 0; r == 0 && at < len; at += step)
		r = inflater_feed(inflater, bytes + at, step < len - at ? step : len - at, false,
				  into_buf, out);
	if (r == 0)
		r = inflater_feed(inflater, NULL, 0, true, into_buf, out);
	inflater_destroy(inflater);
	return r;
}

/* 0: it comes to `want`; -EILSEQ: to something else. */
static int inflates(const struct inflater_format *format, const uint8_t *bytes, size_t len,
		    size_t step, const char *want)
{
	const struct inflater_config config = { .format = format, .window_log_max = 23 };
	struct buf out;
	int r;

	buf_init(&out, OUT_MAX);
	r = inflate_all(&config, bytes, len, step, &out);
	if (r == 0 &&
	    (out.len != strlen(want) || (out.len > 0 && memcmp(out.data, want, out.len) != 0)))
		r = -EILSEQ;
	buf_finish(&out);
	return r;
}

TEST(members_follow_one_another_and_nothing_else_does)
{
	uint8_t packed[512];
	char twice[2 * sizeof(text)];
	size_t len = deflate_into(packed, sizeof(packed), GZIP, text, strlen(text));

	(void)sprintf(twice, "%s%s", text, text);
	CHECK_EQ(inflates(&inflater_gzip, packed, len, 1, text), 0);
	memcpy(packed + len, packed, len);
	CHECK_EQ(inflates(&inflater_gzip, packed, 2 * len, 1, twice), 0);
	CHECK_EQ(inflates(&inflater_gzip, packed, 2 * len, sizeof(packed), twice), 0);
	CHECK_EQ(inflates(&inflater_gzip, packed, 2 * len - 1, 7, twice), -EBADMSG);
	CHECK_EQ(inflates(&inflater_gzip, packed, len + 5, 7, twice), -EBADMSG);
	packed[len] = 'x';
	CHECK_EQ(inflates(&inflater_gzip, packed, len + 1, 1, text), -EBADMSG);
}

TEST(a_format_is_stated_and_not_guessed)
{
	uint8_t packed[512];
	size_t len = deflate_into(packed, sizeof(packed), ZLIB, text, strlen(text));

	CHECK_EQ(inflates(&inflater_gzip, packed, len, 9, text), -EBADMSG);
	CHECK_EQ(inflates(&inflater_deflate, packed, len, 9, text), 0);
	CHECK_EQ(inflates(&inflater_zstd, packed, len, 9, text), -EBADMSG);
	CHECK_EQ(inflates(&inflater_brotli, packed, len, 9, text), -EBADMSG);
	CHECK_EQ(inflates(&inflater_plain, (const uint8_t *)text, strlen(text), 9, text), 0);
	CHECK_EQ(inflates(&inflater_gzip, packed, 0, 9, ""), 0);
}

TEST(a_window_of_zstd_is_bounded)
{
	size_t room = ZSTD_compressBound(sizeof(text)), len;
	uint8_t *packed = malloc(room);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	struct buf out;

	(void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 24);
	(void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
	{
		ZSTD_inBuffer in = { text, strlen(text), 0 };
		ZSTD_outBuffer to = { packed, room, 0 };

		CHECK_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_flush), 0);
		CHECK_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0);
		len = to.pos;
	}
	CHECK_EQ(inflates(&inflater_zstd, packed, len, 3, text), -EBADMSG);
	buf_init(&out, OUT_MAX);
	CHECK_EQ(inflate_all(&(struct inflater_config){ .format = &inflater_zstd,
							.window_log_max = 24 },
			     packed, len, 3, &out),
		 0);
	CHECK_EQ(out.len, strlen(text));
	buf_finish(&out);
	ZSTD_freeCCtx(context);
	free(packed);
}

TEST(a_bomb_is_stopped_where_a_bound_is_set)
{
	enum { PLAIN = 8 << 20 };
	uint8_t *zeros = calloc(1, PLAIN), *packed = malloc(PLAIN);
	size_t len = deflate_into(packed, PLAIN, GZIP, zeros, PLAIN);
	struct inflater_config config = { .format = &inflater_gzip,
					  .free_bytes = 1 << 20,
					  .ratio_max = 100 };
	struct buf out;

	buf_init(&out, OUT_MAX);
	CHECK_EQ(inflate_all(&config, packed, len, 64, &out), -E2BIG);
	CHECK(out.len < 2 << 20);
	buf_clear(&out);
	config.ratio_max = 0;
	CHECK_EQ(inflate_all(&config, packed, len, 64, &out), 0);
	CHECK_EQ(out.len, PLAIN);
	buf_finish(&out);
	free(packed);
	free(zeros);
}

TEST_MAIN()
