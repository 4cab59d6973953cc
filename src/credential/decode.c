#include "credential/decode.h"

#include <brotli/decode.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

enum { BLOCK = 32768, ZSTD_WINDOW_LOG_MAX = 23 }; /* RFC 9659: 8 MiB */

/* What one call did. */
struct turn {
	const uint8_t *in;
	size_t in_len; /* becomes what is left */
	uint8_t *out;
	size_t out_len; /* becomes what is filled */
	bool is_complete;
};

struct coding {
	const char *names[3];
	int (*open)(struct decoder *decoder);
	int (*turn)(struct decoder *decoder, struct turn *turn);
	void (*close)(struct decoder *decoder);
};

struct decoder {
	const struct coding *coding;
	z_stream zlib;
	BrotliDecoderState *brotli;
	ZSTD_DStream *zstd;
	uint64_t bytes_in, bytes_out;
	bool is_complete; /* the coding's own end was seen */
	bool is_empty;	  /* nothing was fed yet */
	uint8_t block[BLOCK];
};

static int identity_turn(struct decoder *decoder, struct turn *turn)
{
	size_t len = min_of(turn->in_len, turn->out_len);

	(void)decoder;
	if (len > 0)
		memcpy(turn->out, turn->in, len);
	turn->in += len;
	turn->in_len -= len;
	turn->out_len = len;
	turn->is_complete = true;
	return 0;
}

static int zlib_open(struct decoder *decoder)
{
	enum { AUTO = 32 }; /* gzip or zlib, by the header */

	return inflateInit2(&decoder->zlib, AUTO + MAX_WBITS) == Z_OK ? 0 : -ENOMEM;
}

/* gzip may have several members, one after the other (RFC 1952 §2.2). */
static int zlib_turn(struct decoder *decoder, struct turn *turn)
{
	z_stream *zlib = &decoder->zlib;
	size_t room = turn->out_len;
	int status;

	if (decoder->is_complete && turn->in_len > 0 && inflateReset(zlib) != Z_OK)
		return -EBADMSG;
	zlib->next_in = (Bytef *)turn->in;
	zlib->avail_in = (uInt)turn->in_len;
	zlib->next_out = turn->out;
	zlib->avail_out = (uInt)room;
	status = inflate(zlib, Z_NO_FLUSH);
	turn->in = zlib->next_in;
	turn->in_len = zlib->avail_in;
	turn->out_len = room - zlib->avail_out;
	turn->is_complete = status == Z_STREAM_END;
	if (status == Z_MEM_ERROR)
		return -ENOMEM;
	return status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR ? 0 : -EBADMSG;
}

static void zlib_close(struct decoder *decoder)
{
	(void)inflateEnd(&decoder->zlib);
}

static int brotli_open(struct decoder *decoder)
{
	decoder->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	return decoder->brotli != NULL ? 0 : -ENOMEM;
}

static int brotli_turn(struct decoder *decoder, struct turn *turn)
{
	size_t room = turn->out_len;
	uint8_t *out = turn->out;
	BrotliDecoderResult result;

	if (decoder->is_complete) { /* nothing may follow */
		turn->out_len = 0;
		return turn->in_len > 0 ? -EBADMSG : 0;
	}
	result = BrotliDecoderDecompressStream(decoder->brotli, &turn->in_len, &turn->in, &room,
					       &out, NULL);
	turn->out_len = (size_t)(out - turn->out);
	turn->is_complete = result == BROTLI_DECODER_RESULT_SUCCESS;
	return result == BROTLI_DECODER_RESULT_ERROR ? -EBADMSG : 0;
}

static void brotli_close(struct decoder *decoder)
{
	BrotliDecoderDestroyInstance(decoder->brotli);
}

static int zstd_open(struct decoder *decoder)
{
	decoder->zstd = ZSTD_createDStream();
	if (decoder->zstd == NULL)
		return -ENOMEM;
	return ZSTD_isError(ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax,
						   ZSTD_WINDOW_LOG_MAX))
		       ? -ENOMEM
		       : 0;
}

/* Several frames may follow one another (RFC 8878 §3). */
static int zstd_turn(struct decoder *decoder, struct turn *turn)
{
	ZSTD_inBuffer in = { turn->in, turn->in_len, 0 };
	ZSTD_outBuffer out = { turn->out, turn->out_len, 0 };
	size_t left;

	left = ZSTD_decompressStream(decoder->zstd, &out, &in);
	if (ZSTD_isError(left))
		return -EBADMSG;
	turn->in += in.pos;
	turn->in_len -= in.pos;
	turn->out_len = out.pos;
	turn->is_complete = left == 0;
	return 0;
}

static void zstd_close(struct decoder *decoder)
{
	(void)ZSTD_freeDStream(decoder->zstd);
}

static const struct coding codings[] = {
	{ { "identity", "" }, NULL, identity_turn, NULL },
	{ { "gzip", "x-gzip", "deflate" }, zlib_open, zlib_turn, zlib_close },
	{ { "br" }, brotli_open, brotli_turn, brotli_close },
	{ { "zstd" }, zstd_open, zstd_turn, zstd_close },
};

static const struct coding *find(const char *encoding)
{
	if (encoding == NULL)
		return &codings[0];
	for (size_t i = 0; i < countof(codings); i++)
		for (size_t j = 0; j < countof(codings[i].names); j++)
			if (codings[i].names[j] != NULL &&
			    strcasecmp(codings[i].names[j], encoding) == 0)
				return &codings[i];
	return NULL;
}

int decoder_create(const char *encoding, struct decoder **ret)
{
	const struct coding *coding = find(encoding);
	struct decoder *decoder;
	int r = 0;

	if (coding == NULL)
		return -EOPNOTSUPP;
	decoder = calloc(1, sizeof(*decoder));
	if (decoder == NULL)
		return -ENOMEM;
	decoder->coding = coding;
	decoder->is_empty = true;
	if (coding->open != NULL)
		r = coding->open(decoder);
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
	if (decoder->coding->close != NULL)
		decoder->coding->close(decoder);
	explicit_bzero(decoder, sizeof(*decoder));
	free(decoder);
}

static bool is_bomb(const struct decoder *decoder)
{
	return decoder->bytes_out > DECODE_FREE_BYTES &&
	       decoder->bytes_out / DECODE_RATIO_MAX > decoder->bytes_in;
}

/* One block; *ret: whether there may be more without more coming in. */
static int feed_block(struct decoder *decoder, struct turn *turn, decoder_sink *sink, void *context,
		      bool *ret)
{
	size_t had = turn->in_len;
	int r;

	turn->out = decoder->block;
	turn->out_len = BLOCK;
	r = decoder->coding->turn(decoder, turn);
	if (r < 0)
		return r;
	decoder->bytes_in += had - turn->in_len;
	decoder->bytes_out += turn->out_len;
	decoder->is_complete = turn->is_complete || (decoder->is_complete && had == 0);
	if (is_bomb(decoder))
		return -E2BIG;
	*ret = turn->out_len == BLOCK || turn->in_len > 0;
	if (*ret && turn->out_len == 0 && turn->in_len == had)
		return -EBADMSG; /* neither in nor out: it goes nowhere */
	return turn->out_len > 0 ? sink(context, decoder->block, turn->out_len) : 0;
}

int decoder_feed(struct decoder *decoder, const uint8_t *bytes, size_t len, bool end,
		 decoder_sink *sink, void *context)
{
	struct turn turn = { .in = bytes, .in_len = len };
	bool more = len > 0;
	int r = 0;

	decoder->is_empty = decoder->is_empty && len == 0;
	while (r == 0 && more)
		r = feed_block(decoder, &turn, sink, context, &more);
	if (r == 0 && end && !decoder->is_complete && !decoder->is_empty)
		r = -EBADMSG;
	return r;
}
