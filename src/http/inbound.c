#include "http/inbound.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "http/token.h"

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool http_is_codec_field(const char *name)
{
	static const char *const names[] = {
		"connection",	     "content-length", "expect",  "host",
		"http2-settings",    "keep-alive",     "upgrade", "te",
		"transfer-encoding",
	};

	return is_one_of(name, names, countof(names));
}

static bool is_proxy_field(const char *name)
{
	return strncmp(name, "proxy-", 6) == 0;
}

int http_take_length(struct http_fields *fields, int64_t *ret)
{
	const struct http_field *field = http_fields_only(fields, "content-length");
	int r;

	if (field == NULL) {
		*ret = -1;
		return http_fields_count(fields, "content-length") > 0 ? -EINVAL : 0;
	}
	r = http_length_parse(field->value, field->value_len, ret);
	if (r == 0)
		(void)http_fields_remove(fields, "content-length");
	return r;
}

int http_take_expect(struct http_fields *fields, bool *ret)
{
	const struct http_field *field = http_fields_only(fields, "expect");

	*ret = field != NULL;
	if (field == NULL)
		return http_fields_count(fields, "expect") > 0 ? -EINVAL : 0;
	if (!http_token_is(field->value, field->value_len, "100-continue"))
		return -EINVAL;
	(void)http_fields_remove(fields, "expect");
	return 0;
}

static bool is_unwanted(const char *name)
{
	return http_is_codec_field(name) || is_proxy_field(name) || strcmp(name, "alt-svc") == 0;
}

void http_strip(struct http_fields *fields)
{
	(void)http_fields_filter(fields, is_unwanted);
}

int http_trailers_check(const struct http_fields *trailers)
{
	static const char *const names[] = {
		"authorization", "cache-control", "content-encoding", "content-range",
		"content-type",	 "cookie",	  "set-cookie",	      "trailer",
		"x-api-key",	 "api-key",	  "x-goog-api-key",   "alt-svc",
	};

	for (size_t i = 0; i < trailers->count; i++) {
		const char *name = trailers->items[i].name;

		if (http_is_codec_field(name) || is_proxy_field(name) ||
		    is_one_of(name, names, countof(names)))
			return -EINVAL;
	}
	return 0;
}

bool http_is_bodiless(const char *method, unsigned status)
{
	return strcmp(method, "HEAD") == 0 || status < 200 || status == 204 || status == 304;
}
