#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "credential/set.h"
#include "credential/websocket.h"
#include "http/message.h"
#include "inflate/inflater.h"

struct credential_masker {
	const struct credentials *credentials; /* weak */
	struct inflater *inflater;	       /* owned; NULL: frames */
	struct websocket frames;
	struct needle_search search;
	bool is_over; /* an error: nothing more may go on */
};

/* Real values only: a placeholder in a reply tells nothing. */
static void ignore_placeholders(const struct credentials *credentials, struct needle_ignore *ignore)
{
	for (size_t i = 0; i < credentials->count; i++)
		needle_ignore_add(ignore, owner_of_placeholder(i));
}

enum {
	BODY_FREE_BYTES = 64 << 20,
	BODY_RATIO_MAX = 200,
	BODY_WINDOW_LOG_MAX = 23, /* RFC 9659: 8 MiB */
};

/* By the values of content-encoding (RFC 9110 §8.4.1); NULL: none of those known. */
static const struct inflater_format *find_format(const char *encoding)
{
	static const struct {
		const char *name;
		const struct inflater_format *format;
	} known[] = {
		{ "", &inflater_plain },       { "identity", &inflater_plain },
		{ "gzip", &inflater_deflate }, { "x-gzip", &inflater_deflate },
		{ "br", &inflater_brotli },    { "deflate", &inflater_deflate },
		{ "zstd", &inflater_zstd },
	};

	for (size_t i = 0; i < countof(known); i++)
		if (strcasecmp(known[i].name, encoding) == 0)
			return known[i].format;
	return NULL;
}

static int begin_inflating(const char *encoding, struct inflater **ret)
{
	const struct inflater_config config = {
		.format = find_format(encoding != NULL ? encoding : ""),
		.window_log_max = BODY_WINDOW_LOG_MAX,
		.free_bytes = BODY_FREE_BYTES,
		.ratio_max = BODY_RATIO_MAX,
	};

	return config.format != NULL ? inflater_create(&config, ret) : -EOPNOTSUPP;
}

/* inflater: taken over, also on failure. */
static int create(const struct credentials *credentials, struct inflater *inflater,
		  struct credential_masker **ret)
{
	struct credential_masker *masker = calloc(1, sizeof(*masker));

	if (masker == NULL) {
		inflater_destroy(inflater);
		return -ENOMEM;
	}
	masker->credentials = credentials;
	masker->inflater = inflater;
	needle_search_init(&masker->search, credentials->needles, NEEDLE_MASK);
	ignore_placeholders(credentials, &masker->search.ignore);
	websocket_init(&masker->frames, &masker->search);
	*ret = masker;
	return 0;
}

int credential_masker_create(const struct credentials *credentials, const char *encoding,
			     struct credential_masker **ret)
{
	struct inflater *inflater;
	int r = begin_inflating(encoding, &inflater);

	return r < 0 ? r : create(credentials, inflater, ret);
}

int credential_masker_create_websocket(const struct credentials *credentials,
				       struct credential_masker **ret)
{
	return create(credentials, NULL, ret);
}

struct masking {
	struct needle_search *search;
	struct buf *out;
};

static int mask_block(void *context, const uint8_t *bytes, size_t len)
{
	struct masking *masking = context;

	return needle_search_feed(masking->search, bytes, len, false, masking->out);
}

static int feed_body(struct credential_masker *masker, const uint8_t *bytes, size_t len, bool end,
		     struct buf *out)
{
	struct masking masking = { &masker->search, out };
	int r = inflater_feed(masker->inflater, bytes, len, end, mask_block, &masking);

	return r == 0 && end ? needle_search_feed(&masker->search, NULL, 0, true, out) : r;
}

int credential_masker_feed(struct credential_masker *masker, const uint8_t *bytes, size_t len,
			   bool end, struct buf *out)
{
	int r;

	if (masker->is_over)
		return -EBADMSG;
	r = masker->inflater != NULL ? feed_body(masker, bytes, len, end, out)
				     : websocket_feed(&masker->frames, bytes, len, end, out);
	masker->is_over = r < 0;
	return r;
}

unsigned credential_masker_found(const struct credential_masker *masker)
{
	return masker->search.found;
}

const char *credential_masker_name(const struct credential_masker *masker)
{
	if (masker->search.found == 0)
		return NULL;
	return credential_of_owner(masker->credentials, masker->search.owner)->name;
}

void credential_masker_destroy(struct credential_masker *masker)
{
	if (masker == NULL)
		return;
	inflater_destroy(masker->inflater);
	websocket_finish(&masker->frames);
	needle_search_finish(&masker->search);
	free(masker);
}

static int mask_field(const struct credentials *credentials, struct http_fields *fields,
		      size_t index, unsigned *masked)
{
	autocall(needle_search_finish) struct needle_search search;
	autocall(buf_finish) struct buf out;
	const struct http_field *field = &fields->items[index];
	int r;

	buf_init(&out, field->value_len + 1);
	needle_search_init(&search, credentials->needles, NEEDLE_MASK);
	ignore_placeholders(credentials, &search.ignore);
	r = needle_search_feed(&search, (const uint8_t *)field->value, field->value_len, true,
			       &out);
	if (r < 0 || search.found == 0)
		return r;
	r = http_fields_replace(fields, index, buf_str(&out), out.len, false);
	if (r == 0)
		(*masked)++;
	return r;
}

int credentials_mask_fields(const struct credentials *credentials, struct http_fields *fields,
			    unsigned *ret_masked)
{
	unsigned masked = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < fields->count; i++)
		r = mask_field(credentials, fields, i, &masked);
	if (r == 0)
		*ret_masked = masked;
	return r;
}
