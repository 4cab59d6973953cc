#include "http2/http2_guard.h"

#include "base/check.h"

void http2_bucket_init(struct http2_bucket *bucket, uint32_t capacity, uint32_t per_second,
		       uint64_t now_ms)
{
	*bucket = (struct http2_bucket){ .capacity = capacity,
					 .per_second = per_second,
					 .left = capacity,
					 .filled_ms = now_ms };
}

/* Whole tokens only: the time that made none yet stays on the account. */
static void fill(struct http2_bucket *bucket, uint64_t now_ms)
{
	uint64_t full_ms = (uint64_t)bucket->capacity * 1000 / bucket->per_second + 1;
	uint64_t passed_ms = min_of(now_ms - bucket->filled_ms, full_ms);
	uint64_t tokens = passed_ms * bucket->per_second / 1000;

	if (tokens == 0)
		return;
	bucket->left = (uint32_t)min_of(bucket->left + tokens, (uint64_t)bucket->capacity);
	bucket->filled_ms = now_ms;
}

bool http2_bucket_take(struct http2_bucket *bucket, uint64_t now_ms)
{
	if (bucket->left == 0)
		fill(bucket, now_ms);
	if (bucket->left == 0)
		return false;
	bucket->left--;
	return true;
}
