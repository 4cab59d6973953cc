/*
 * Compressed bytes made into what they stand for, piece by piece: bodies of HTTP
 * (RFC 9110 §8.4.1), layers of images. What comes out is bounded by what went
 * in, so that a small input cannot become work without end. The format is
 * stated, never guessed.
 */
#ifndef INFLATE_INFLATER_H
#define INFLATE_INFLATER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inflater;
struct inflater_format;

/* A program is linked with the libraries of those that it names. */
extern const struct inflater_format inflater_plain;   /* as it is */
extern const struct inflater_format inflater_gzip;    /* RFC 1952, any number of members */
extern const struct inflater_format inflater_deflate; /* the same, or zlib (RFC 1950) */
extern const struct inflater_format inflater_brotli;  /* RFC 7932 */
extern const struct inflater_format inflater_zstd;    /* RFC 8878, any number of frames */

/* All are weak. */
struct inflater_config {
	const struct inflater_format *format;
	unsigned window_log_max; /* zstd: the window is at most 2^this bytes */
	uint64_t free_bytes;	 /* may come out whatever went in */
	uint64_t ratio_max;	 /* beyond that, so many bytes out for each byte in; 0: any */
};

/* A block that came out; 0 or -errno, which ends it. */
typedef int inflater_sink(void *context, const uint8_t *bytes, size_t len);

/* -ENOMEM; -EINVAL: a window that cannot be. */
int inflater_create(const struct inflater_config *config, struct inflater **ret);
void inflater_destroy(struct inflater *inflater); /* wipes */

/*
 * -EBADMSG: malformed, or cut short at `end`, or more after the end; -E2BIG: beyond the bound.
 * No input at all is no error: it stands for nothing. After a failure: destroy it.
 */
int inflater_feed(struct inflater *inflater, const uint8_t *bytes, size_t len, bool end,
		  inflater_sink *sink, void *context);

#endif
