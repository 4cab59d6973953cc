/*
 * Bytes of a layer blob made into those of its tar archive. The format is what
 * the image's manifest states and never guessed. What comes out goes to a
 * callback in pieces; more than the limit is refused, so a small blob cannot
 * become an endless archive.
 */
#ifndef SBX_IMAGE_DECODER_H
#define SBX_IMAGE_DECODER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum decoder_format { DECODER_TAR, DECODER_GZIP, DECODER_ZSTD };

/* 0 or -errno with a sentence, which ends the decoding. */
typedef int decoder_take_fn(void *context, const uint8_t *bytes, size_t len, struct err *err);

struct decoder;

/* "tar", "gzip", "zstd"; -EINVAL for another word. */
int decoder_format_parse(const char *word, enum decoder_format *ret);

int decoder_create(enum decoder_format format, uint64_t bytes_max, decoder_take_fn *take,
		   void *context, struct decoder **ret);
void decoder_destroy(struct decoder *decoder);

/* -EPROTO for what is not in the format, -EFBIG beyond the limit; or the callback's error. */
int decoder_feed(struct decoder *decoder, const uint8_t *bytes, size_t len, struct err *err);

/* No more bytes come: -EPROTO when they end in the middle. */
int decoder_finish(struct decoder *decoder, struct err *err);

#endif
