/*
 * A response in pieces of any size. First byte: the coding; second: the size of
 * pieces. Without coding a byte of 0x80 and more stands for the secret in one of its forms, cut by
 * the next byte; then no form of it may come out whole, and pieces change nothing.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "credential/credential.h"
#include "http/message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/masking.h"

enum { OUT_MAX = 32 << 20, PLAIN_MAX = 65536 };

static const char *const encodings[] = { NULL, "gzip", "br", "zstd", "deflate" };

/* The secret s3/cr"et+s3/cr, which overlaps itself, as text may have it. */
static const char secret[] = "s3/cr\"et+s3/cr";
static const char *const forms[] = {
	"s3/cr\"et+s3/cr",	  "s3/cr\\\"et+s3/cr",	"s3\\/cr\\\"et+s3\\/cr",
	"s3%2Fcr%22et%2Bs3%2Fcr", "s3/cr%22et%2bs3/cr", "czMvY3IiZXQrczMvY3",
	"MzL2NyImV0K3MzL2Ny",	  "zMy9jciJldCtzMy9jc",
};

static int mask(const struct credentials *set, const char *encoding, const uint8_t *bytes,
		size_t len, size_t step, struct buf *out)
{
	struct credential_masker *masker = NULL;
	int r = credential_masker_create(set, encoding, &masker);

	assert(r == 0);
	return masking_feed(masker, bytes, len, step, out);
}

static void expand(const uint8_t *data, size_t size, struct buf *plain)
{
	for (size_t i = 0; i < size; i++) {
		const char *form = forms[data[i] % countof(forms)];
		size_t len = strlen(form);

		if (data[i] >= 0x80 && i + 1 < size) {
			size_t cut = data[++i];

			len = min_of(len, cut);
			(void)buf_append(plain, form, len);
		} else if (data[i] < 0x80) {
			(void)buf_append(plain, &data[i], 1);
		}
	}
}

static void try_plain(const struct credentials *set, const uint8_t *data, size_t size, size_t step)
{
	struct buf plain, whole, pieces;
	int r;

	buf_init(&plain, PLAIN_MAX);
	buf_init(&whole, PLAIN_MAX);
	buf_init(&pieces, PLAIN_MAX);
	expand(data, size, &plain);
	r = mask(set, NULL, plain.data, plain.len, plain.len + 1, &whole);
	assert(r == 0 && whole.len == plain.len);
	r = mask(set, NULL, plain.data, plain.len, step, &pieces);
	assert(r == 0 && pieces.len == whole.len);
	assert(whole.len == 0 || memcmp(pieces.data, whole.data, whole.len) == 0);
	for (size_t i = 0; whole.len > 0 && i < countof(forms); i++)
		assert(memmem(whole.data, whole.len, forms[i], strlen(forms[i])) == NULL);
	buf_finish(&plain);
	buf_finish(&whole);
	buf_finish(&pieces);
}

/* As a field of a head: what is masked there has the same length, and no form of it is left. */
static void try_field(const struct credentials *set, const uint8_t *data, size_t size)
{
	struct http_fields fields;
	struct buf plain;
	unsigned masked;

	buf_init(&plain, PLAIN_MAX);
	expand(data, size, &plain);
	http_fields_init(&fields);
	if (buf_append(&plain, "", 1) == 0 &&
	    http_fields_add(&fields, "x-back", (const char *)plain.data, plain.len - 1) == 0 &&
	    credentials_mask_fields(set, &fields, &masked) == 0)
		for (size_t i = 0; i < countof(forms); i++)
			assert(strstr(http_fields_only(&fields, "x-back")->value, forms[i]) ==
			       NULL);
	http_fields_finish(&fields);
	buf_finish(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct credentials *set;
	const char *encoding;
	size_t step;

	if (set == NULL)
		set = masking_set(secret);
	if (size < 2)
		return 0;
	encoding = encodings[data[0] % countof(encodings)];
	step = data[1] + 1u;
	if (encoding == NULL) {
		try_plain(set, data + 2, size - 2, step);
		try_field(set, data + 2, size - 2);
	} else {
		struct buf out;

		buf_init(&out, OUT_MAX);
		(void)mask(set, encoding, data + 2, size - 2, step, &out);
		buf_finish(&out);
	}
	return 0;
}
