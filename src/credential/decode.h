/*
 * Content codings (RFC 9110 §8.4.1) undone, piece by piece: what comes out is
 * bounded by what went in, so that a small body cannot become work without end.
 */
#ifndef CREDENTIAL_DECODE_H
#define CREDENTIAL_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decoder;

/* A block of decoded bytes; 0 or -errno, which ends the decoding. */
typedef int decoder_sink(void *context, const uint8_t *bytes, size_t len);

enum {
	DECODE_FREE_BYTES = 64 << 20, /* may come out whatever went in */
	DECODE_RATIO_MAX = 200,	      /* beyond that, so many bytes out for each byte in */
};

/* encoding: "gzip", "x-gzip", "deflate" (zlib), "br", "zstd", "identity"; NULL or "": identity.
 * -EOPNOTSUPP */
int decoder_create(const char *encoding, struct decoder **ret);
void decoder_destroy(struct decoder *decoder); /* wipes */

/* -EBADMSG: malformed, or cut short at `end`, or more after the end; -E2BIG: beyond the bound. */
int decoder_feed(struct decoder *decoder, const uint8_t *bytes, size_t len, bool end,
		 decoder_sink *sink, void *context);

#endif
