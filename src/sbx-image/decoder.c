#include "sbx-image/decoder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "inflate/inflater.h"

enum { ZSTD_WINDOW_LOG = 27 /* 128 MiB, as the zstd command takes */ };

struct decoder {
	enum decoder_format format;
	uint64_t left; /* bytes that may still come out */
	decoder_take_fn *take;
	void *context;		   /* weak */
	struct inflater *inflater; /* owned */
};

/* The one call that is under way: who takes what comes out, and what went wrong there. */
struct feeding {
	struct decoder *decoder;
	struct err *err;
	bool is_refused; /* the taker, or the limit, said why */
};

static const struct {
	const char *word;
	const struct inflater_format *format;
} formats[] = {
	[DECODER_TAR] = { "tar", &inflater_plain },
	[DECODER_GZIP] = { "gzip", &inflater_gzip },
	[DECODER_ZSTD] = { "zstd", &inflater_zstd },
};

int decoder_format_parse(const char *word, enum decoder_format *ret)
{
	for (size_t i = 0; i < countof(formats); i++) {
		if (strcmp(word, formats[i].word) == 0) {
			*ret = (enum decoder_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* The limit of what comes out is the layer's: a layer of zeros may shrink as much as it likes. */
int decoder_create(enum decoder_format format, uint64_t bytes_max, decoder_take_fn *take,
		   void *context, struct decoder **ret)
{
	const struct inflater_config config = { .format = formats[format].format,
						.window_log_max = ZSTD_WINDOW_LOG };
	struct decoder *decoder = calloc(1, sizeof(*decoder));
	int r;

	if (decoder == NULL)
		return -ENOMEM;
	decoder->format = format;
	decoder->left = bytes_max;
	decoder->take = take;
	decoder->context = context;
	r = inflater_create(&config, &decoder->inflater);
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
	inflater_destroy(decoder->inflater);
	free(decoder);
}

static int hand_out(void *context, const uint8_t *bytes, size_t len)
{
	struct feeding *feeding = context;
	struct decoder *decoder = feeding->decoder;
	int r;

	if (len > decoder->left) {
		r = err_set(feeding->err, -EFBIG, "the layer is too large");
	} else {
		decoder->left -= len;
		r = decoder->take(decoder->context, bytes, len, feeding->err);
	}
	feeding->is_refused = r < 0;
	return r;
}

int decoder_feed(struct decoder *decoder, const uint8_t *bytes, size_t len, struct err *err)
{
	struct feeding feeding = { .decoder = decoder, .err = err };
	int r = inflater_feed(decoder->inflater, bytes, len, false, hand_out, &feeding);

	if (r == 0 || feeding.is_refused)
		return r;
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	return err_set(err, -EPROTO, "the layer is not %s, or it is broken",
		       formats[decoder->format].word);
}

int decoder_finish(struct decoder *decoder, struct err *err)
{
	int r = inflater_feed(decoder->inflater, NULL, 0, true, NULL, NULL);

	return r < 0 ? err_set(err, -EPROTO, "the layer ends in the middle") : 0;
}
