#include "credential/forms.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "credential/needles.h"

enum { EXPANSION_MAX = 6 }; /* a byte as \u00XX */

static const char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";

/* JSON writers differ in '/' (escaped or not) and in <, > and & (as \u003c or not). */
struct json_manner {
	bool escape_slash, escape_html;
};

static size_t json_escape(const struct json_manner *manner, const uint8_t *value, size_t len,
			  char *to)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = value[i];
		bool is_html = c == '<' || c == '>' || c == '&';

		if (c == '"' || c == '\\' || (c == '/' && manner->escape_slash)) {
			to[used++] = '\\';
			to[used++] = (char)c;
		} else if (c == '\t') {
			memcpy(to + used, "\\t", 2);
			used += 2;
		} else if (is_html && manner->escape_html) {
			memcpy(to + used, "\\u00", 4);
			to[used + 4] = lower_digits[c >> 4];
			to[used + 5] = lower_digits[c & 15];
			used += 6;
		} else {
			to[used++] = (char)c;
		}
	}
	return used;
}

static int add_json(struct needles *needles, const uint8_t *value, size_t len, uint32_t owner,
		    char *scratch)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 4; i++) {
		struct json_manner manner = { .escape_slash = i & 1, .escape_html = i & 2 };
		size_t used = json_escape(&manner, value, len, scratch);

		r = needles_add(needles, scratch, used, owner);
	}
	return r;
}

/* Encoders differ in the case of digits, in '/' (kept or not) and in a space ('+' or %20). */
struct percent_manner {
	const char *digits;
	bool keep_slash, plus_for_space;
};

static bool is_unreserved(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static size_t percent_encode(const struct percent_manner *manner, const uint8_t *value, size_t len,
			     char *to)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = value[i];

		if (is_unreserved(c) || (c == '/' && manner->keep_slash)) {
			to[used++] = (char)c;
		} else if (c == ' ' && manner->plus_for_space) {
			to[used++] = '+';
		} else {
			to[used++] = '%';
			to[used++] = manner->digits[c >> 4];
			to[used++] = manner->digits[c & 15];
		}
	}
	return used;
}

size_t forms_percent(const uint8_t *value, size_t len, char *to)
{
	static const struct percent_manner manner = { .digits = upper_digits };
	size_t used = percent_encode(&manner, value, len, to);

	to[used] = '\0';
	return used;
}

static int add_percent(struct needles *needles, const uint8_t *value, size_t len, uint32_t owner,
		       char *scratch)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 8; i++) {
		struct percent_manner manner = {
			.digits = i & 1 ? lower_digits : upper_digits,
			.keep_slash = i & 2,
			.plus_for_space = i & 4,
		};
		size_t used = percent_encode(&manner, value, len, scratch);

		r = needles_add(needles, scratch, used, owner);
	}
	return r;
}

/*
 * `before` zero bytes stand for what comes before the value in its group of
 * three. Sextets that hold bits of them, or of what follows the value, are cut.
 */
static int add_base64(struct needles *needles, const uint8_t *value, size_t len, size_t before,
		      int variant, uint32_t owner, char *scratch)
{
	uint8_t *shifted = (uint8_t *)scratch;
	char *text = scratch + before + len;
	size_t first = before == 0 ? 0 : before + 1;
	size_t last = (before + len) * 8 / 6;

	memset(shifted, 0, before);
	memcpy(shifted + before, value, len);
	(void)sodium_bin2base64(text, sodium_base64_encoded_len(before + len, variant), shifted,
				before + len, variant);
	return needles_add(needles, text + first, last - first, owner);
}

int forms_add(struct needles *needles, const uint8_t *value, size_t len, uint32_t owner)
{
	static const int variants[] = { sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
					sodium_base64_VARIANT_URLSAFE_NO_PADDING };
	char *scratch = sodium_malloc(len * EXPANSION_MAX + 64);
	int r;

	if (scratch == NULL)
		return -ENOMEM;
	r = needles_add(needles, value, len, owner);
	if (r == 0)
		r = add_json(needles, value, len, owner, scratch);
	if (r == 0)
		r = add_percent(needles, value, len, owner, scratch);
	for (size_t i = 0; r == 0 && i < countof(variants) * 3; i++)
		r = add_base64(needles, value, len, i % 3, variants[i / 3], owner, scratch);
	sodium_free(scratch);
	return r;
}
