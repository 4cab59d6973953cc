#include "sbx-image/decoder.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

enum {
	PIECE = 64 << 10,
	GZIP_WINDOW = 16 + MAX_WBITS, /* inflateInit2: a gzip header, and no other, is wanted */
	ZSTD_WINDOW = 27,	      /* 128 MiB, as the zstd command takes */
};

struct decoder {
	enum decoder_format format;
	uint64_t left; /* bytes that may still come out */
	decoder_take_fn *take;
	void *context;	/* weak */
	bool is_midway; /* in a member or frame */
	z_stream gzip;
	ZSTD_DCtx *zstd; /* owned */
	uint8_t piece[PIECE];
};

static const char *const words[] = {
	[DECODER_TAR] = "tar",
	[DECODER_GZIP] = "gzip",
	[DECODER_ZSTD] = "zstd",
};

int decoder_format_parse(const char *word, enum decoder_format *ret)
{
	for (size_t i = 0; i < countof(words); i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum decoder_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int start_zstd(struct decoder *decoder)
{
	decoder->zstd = ZSTD_createDCtx();
	if (decoder->zstd == NULL)
		return -ENOMEM;
	return ZSTD_isError(
		       ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW)) != 0
		       ? -EINVAL
		       : 0;
}

int decoder_create(enum decoder_format format, uint64_t bytes_max, decoder_take_fn *take,
		   void *context, struct decoder **ret)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));
	int r = 0;

	if (decoder == NULL)
		return -ENOMEM;
	decoder->format = format;
	decoder->left = bytes_max;
	decoder->take = take;
	decoder->context = context;
	if (format == DECODER_GZIP && inflateInit2(&decoder->gzip, GZIP_WINDOW) != Z_OK)
		r = -ENOMEM;
	if (format == DECODER_ZSTD)
		r = start_zstd(decoder);
	if (r < 0) {
		decoder_destroy(decoder);
		return r;
	}
	*ret = decoder;
	return 0;
}

void decoder_destroy(struct decoder *decoder)
{
	if (decoder == NULL)
		return;
	if (decoder->format == DECODER_GZIP)
		(void)inflateEnd(&decoder->gzip);
	(void)ZSTD_freeDCtx(decoder->zstd);
	free(decoder);
}

static int hand_out(struct decoder *decoder, const uint8_t *bytes, size_t len, struct err *err)
{
	if (len > decoder->left)
		return err_set(err, -EFBIG, "the layer is too large");
	decoder->left -= len;
	return len > 0 ? decoder->take(decoder->context, bytes, len, err) : 0;
}

static int broken(const struct decoder *decoder, struct err *err)
{
	return err_set(err, -EPROTO, "the layer is not %s, or it is broken",
		       words[decoder->format]);
}

/* One call of inflate(); members may follow one another (RFC 1952, 2.2). */
static int step_gzip(struct decoder *decoder, struct err *err)
{
	z_stream *gzip = &decoder->gzip;
	int status;

	gzip->next_out = decoder->piece;
	gzip->avail_out = PIECE;
	decoder->is_midway = true;
	status = inflate(gzip, Z_NO_FLUSH);
	if (status == Z_STREAM_END) {
		decoder->is_midway = false;
		status = inflateReset(gzip);
	}
	if (status != Z_OK && status != Z_BUF_ERROR)
		return broken(decoder, err);
	return hand_out(decoder, decoder->piece, PIECE - gzip->avail_out, err);
}

static int feed_gzip(struct decoder *decoder, const uint8_t *bytes, size_t len, struct err *err)
{
	z_stream *gzip = &decoder->gzip;
	int r = 0;

	while (len > 0 && r == 0) {
		size_t part = min_of(len, (size_t)INT_MAX);

		gzip->next_in = (z_const Bytef *)bytes;
		gzip->avail_in = (uInt)part;
		do {
			r = step_gzip(decoder, err);
		} while (r == 0 && (gzip->avail_in > 0 || gzip->avail_out == 0));
		bytes += part;
		len -= part;
	}
	return r;
}

static int feed_zstd(struct decoder *decoder, const uint8_t *bytes, size_t len, struct err *err)
{
	ZSTD_inBuffer in = { .src = bytes, .size = len };
	ZSTD_outBuffer out;
	int r;

	do {
		size_t status;

		out = (ZSTD_outBuffer){ .dst = decoder->piece, .size = PIECE };
		status = ZSTD_decompressStream(decoder->zstd, &out, &in);
		if (ZSTD_isError(status) != 0)
			return broken(decoder, err);
		decoder->is_midway = status != 0;
		r = hand_out(decoder, decoder->piece, out.pos, err);
	} while (r == 0 && (in.pos < in.size || out.pos == out.size));
	return r;
}

int decoder_feed(struct decoder *decoder, const uint8_t *bytes, size_t len, struct err *err)
{
	switch (decoder->format) {
	case DECODER_TAR:
		return hand_out(decoder, bytes, len, err);
	case DECODER_GZIP:
		return feed_gzip(decoder, bytes, len, err);
	case DECODER_ZSTD:
		return len > 0 ? feed_zstd(decoder, bytes, len, err) : 0;
	}
	return -EINVAL;
}

int decoder_finish(const struct decoder *decoder, struct err *err)
{
	return decoder->is_midway ? err_set(err, -EPROTO, "the layer ends in the middle") : 0;
}
