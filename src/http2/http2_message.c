/* Between the header fields of HTTP/2 (RFC 9113 §8) and messages as values. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "http/authority.h"
#include "http/inbound.h"
#include "http/outbound.h"
#include "http/token.h"
#include "http2/http2_codec.h"

enum { FIELD_NAME_MAX = 256, OWN_FIELDS_MAX = 8 };

void http2_inbound_finish(struct http2_inbound *in)
{
	http_fields_finish(&in->fields);
	free(in->method);
	free(in->scheme);
	free(in->authority);
	free(in->path);
	*in = (struct http2_inbound){ .status = 0 };
}

static int set_pseudo(struct http2_inbound *in, const char *name, const char *value, size_t len)
{
	const struct {
		const char *name;
		char **to;
	} all[] = { { ":method", &in->method },
		    { ":scheme", &in->scheme },
		    { ":authority", &in->authority },
		    { ":path", &in->path } };
	int64_t status;

	if (strcmp(name, ":status") == 0) {
		if (len != 3 || http_length_parse(value, len, &status) < 0)
			return -EINVAL;
		in->status = (unsigned)status;
		return 0;
	}
	for (size_t i = 0; i < countof(all); i++) {
		if (strcmp(name, all[i].name) != 0)
			continue;
		if (*all[i].to != NULL || memchr(value, '\0', len) != NULL)
			return -EINVAL;
		*all[i].to = strndup(value, len);
		return *all[i].to != NULL ? 0 : -ENOMEM;
	}
	return -EINVAL;
}

/* RFC 9113 §8.2.3: what a client split into crumbs is one field elsewhere. */
static int join_cookie(struct http2_inbound *in, const char *value, size_t len)
{
	autofree char *joined = NULL;
	struct http_field *cookie;
	size_t index = 0;

	while (index < in->fields.count && strcmp(in->fields.items[index].name, "cookie") != 0)
		index++;
	if (index == in->fields.count)
		return http_fields_add(&in->fields, "cookie", value, len);
	if (++in->crumbs > HTTP2_CRUMBS_MAX)
		return -E2BIG;
	cookie = &in->fields.items[index];
	joined = malloc(cookie->value_len + 2 + len);
	if (joined == NULL)
		return -ENOMEM;
	memcpy(joined, cookie->value, cookie->value_len);
	memcpy(joined + cookie->value_len, "; ", 2);
	memcpy(joined + cookie->value_len + 2, value, len);
	return http_fields_replace(&in->fields, index, joined, cookie->value_len + 2 + len, false);
}

int http2_inbound_add(struct http2_inbound *in, const char *name, size_t name_len,
		      const char *value, size_t value_len)
{
	char text[FIELD_NAME_MAX];

	if (name_len == 0 || name_len >= sizeof(text) || memchr(name, '\0', name_len) != NULL)
		return -EINVAL;
	if (name_len > HTTP_HEAD_MAX - in->bytes ||
	    value_len > HTTP_HEAD_MAX - in->bytes - name_len)
		return -E2BIG;
	in->bytes += name_len + value_len;
	memcpy(text, name, name_len);
	text[name_len] = '\0';
	if (text[0] == ':')
		return set_pseudo(in, text, value, value_len);
	/* Upper case is malformed (RFC 9113 §8.2), not to be mended by http_fields_add(). */
	for (size_t i = 0; i < name_len; i++)
		if (http_lower(text[i]) != text[i])
			return -EINVAL;
	if (strcmp(text, "cookie") == 0)
		return join_cookie(in, value, value_len);
	return http_fields_add(&in->fields, text, value, value_len);
}

static int checked(const char *authority, char **ret)
{
	char text[HTTP_AUTHORITY_MAX];

	if (http_authority_check(authority, strlen(authority), text) < 0)
		return -EINVAL;
	*ret = strdup(text);
	return *ret != NULL ? 0 : -ENOMEM;
}

/* RFC 9113 §8.3.1: :authority, or Host instead, or both and the same. */
static int take_authority(struct http2_inbound *in, const char *scheme, char **ret)
{
	const struct http_field *field = http_fields_only(&in->fields, "host");
	autofree char *host = NULL;
	int r;

	if (field == NULL && http_fields_count(&in->fields, "host") > 0)
		return -EINVAL;
	if (field != NULL) {
		r = checked(field->value, &host);
		if (r < 0)
			return r;
	}
	if (in->authority == NULL) {
		*ret = take_ptr(host);
		return *ret != NULL ? 0 : -EINVAL;
	}
	r = checked(in->authority, ret);
	if (r == 0 && host != NULL && !http_authority_equal(*ret, host, scheme))
		return -EINVAL;
	return r;
}

/* Which requests may be spoken: no CONNECT, no other scheme than the connection's. */
static int take_request_line(struct http2_inbound *in, const char *scheme,
			     struct http_request *request)
{
	if (in->method == NULL || in->scheme == NULL || in->path == NULL ||
	    strcmp(in->scheme, scheme) != 0 || strlen(in->method) >= sizeof(request->method))
		return -EINVAL;
	(void)snprintf(request->method, sizeof(request->method), "%s", in->method);
	request->scheme = take_ptr(in->scheme);
	request->path = take_ptr(in->path);
	return take_authority(in, scheme, &request->authority);
}

int http2_inbound_request(struct http2_inbound *in, const char *scheme, struct http_request *ret)
{
	autocall(http_request_finish) struct http_request request;
	int r;

	http_request_init(&request);
	r = take_request_line(in, scheme, &request);
	if (r == 0)
		r = http_take_length(&in->fields, &request.content_length);
	if (r == 0)
		r = http_take_expect(&in->fields, &request.expects_continue);
	if (r == 0 && !http_request_is_sound(&request))
		r = -EINVAL;
	if (r < 0)
		return r;
	http_strip(&in->fields);
	request.fields = in->fields;
	http_fields_init(&in->fields);
	http2_inbound_finish(in);
	*ret = request;
	http_request_init(&request);
	return 0;
}

int http2_inbound_response(struct http2_inbound *in, struct http_response *ret)
{
	int64_t length;

	if (in->status < 100 || in->status > 599 || in->status == 101 ||
	    http_take_length(&in->fields, &length) < 0)
		return -EINVAL;
	http_strip(&in->fields);
	*ret = (struct http_response){ .status = in->status,
				       .fields = in->fields,
				       .content_length = length };
	http_fields_init(&in->fields);
	http2_inbound_finish(in);
	return 0;
}

int http2_inbound_trailers(struct http2_inbound *in, struct http_fields *ret)
{
	if (http_trailers_check(&in->fields) < 0)
		return -EINVAL;
	*ret = in->fields;
	http_fields_init(&in->fields);
	http2_inbound_finish(in);
	return 0;
}

static void put(struct http2_fields *fields, const char *name, const char *value, bool is_secret)
{
	fields->items[fields->count++] = (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
						       .namelen = strlen(name),
						       .value = (uint8_t *)(uintptr_t)value,
						       .valuelen = strlen(value),
						       .flags = is_secret ? NGHTTP2_NV_FLAG_NO_INDEX
									  : NGHTTP2_NV_FLAG_NONE };
}

static int begin(struct http2_fields *fields, const struct http_fields *from)
{
	*fields = (struct http2_fields){ .count = 0 };
	for (size_t i = 0; i < from->count; i++)
		if (!http_field_is_sound(&from->items[i]))
			return -EINVAL;
	fields->items = calloc(from->count + OWN_FIELDS_MAX, sizeof(*fields->items));
	return fields->items != NULL ? 0 : -ENOMEM;
}

static void put_all(struct http2_fields *fields, const struct http_fields *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (http_is_sent_field(from->items[i].name))
			put(fields, from->items[i].name, from->items[i].value,
			    from->items[i].is_secret);
}

static void put_length(struct http2_fields *fields, int64_t length)
{
	if (length < 0)
		return;
	(void)snprintf(fields->length, sizeof(fields->length), "%lld", (long long)length);
	put(fields, "content-length", fields->length, false);
}

int http2_fields_request(const struct http_request *request, struct http2_fields *ret)
{
	int r;

	if (!http_request_is_sound(request) || request->path == NULL || request->upgrade != NULL ||
	    request->scheme == NULL)
		return -EINVAL;
	r = begin(ret, &request->fields);
	if (r < 0)
		return r;
	put(ret, ":method", request->method, false);
	put(ret, ":scheme", request->scheme, false);
	put(ret, ":authority", request->authority, false);
	put(ret, ":path", request->path, false);
	put_all(ret, &request->fields);
	put_length(ret, request->content_length);
	if (request->expects_continue)
		put(ret, "expect", "100-continue", false);
	/* We do pass trailers on; gRPC asks for this (RFC 9110 §10.1.4). */
	put(ret, "te", "trailers", false);
	return 0;
}

int http2_fields_response(const struct http_response *response, struct http2_fields *ret)
{
	bool has_length = response->status >= 200 && response->status != 204;
	int r;

	if (response->status < 100 || response->status > 599 || response->status == 101)
		return -EINVAL;
	r = begin(ret, &response->fields);
	if (r < 0)
		return r;
	(void)snprintf(ret->status, sizeof(ret->status), "%u", response->status);
	put(ret, ":status", ret->status, false);
	put_all(ret, &response->fields);
	if (has_length)
		put_length(ret, response->content_length);
	return 0;
}

int http2_fields_trailers(const struct http_fields *trailers, struct http2_fields *ret)
{
	int r;

	if (http_trailers_check(trailers) < 0)
		return -EINVAL;
	r = begin(ret, trailers);
	if (r == 0)
		put_all(ret, trailers);
	return r;
}

void http2_fields_finish(struct http2_fields *fields)
{
	free(fields->items);
	fields->items = NULL;
}
