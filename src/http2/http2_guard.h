/*
 * How much idle work a peer may make: a bucket of tokens that fills again with
 * time. One for frames that carry nothing (PING, SETTINGS, PRIORITY, RST_STREAM,
 * empty DATA), one for streams that end without an answer (rapid reset, and
 * requests made so that we must reset them).
 */
#ifndef HTTP2_HTTP2_GUARD_H
#define HTTP2_HTTP2_GUARD_H

#include <stdbool.h>
#include <stdint.h>

struct http2_bucket {
	uint32_t capacity, per_second;
	uint32_t left;
	uint64_t filled_ms; /* CLOCK_MONOTONIC */
};

void http2_bucket_init(struct http2_bucket *bucket, uint32_t capacity, uint32_t per_second,
		       uint64_t now_ms);

/* Takes one token; false when there is none. */
bool http2_bucket_take(struct http2_bucket *bucket, uint64_t now_ms);

#endif
