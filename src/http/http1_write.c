#include "http/http1_write.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "http/inbound.h"
#include "http/outbound.h"

enum { HEAD_EXTRA_MAX = 512 }; /* of the start line and of the codec's own fields */

static const char *reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} reasons[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 103, "Early Hints" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 407, "Proxy Authentication Required" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < countof(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

static int write_field(const struct http_field *field, struct buf *out)
{
	int r;

	if (!http_field_is_sound(field))
		return -EINVAL;
	r = buf_printf(out, "%s: ", field->name);
	if (r == 0)
		r = buf_append(out, field->value, field->value_len);
	return r == 0 ? buf_append(out, "\r\n", 2) : r;
}

/* Those that are not the codec's own. */
static int write_fields(const struct http_fields *fields, bool is_for_proxy, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; i < fields->count && r == 0; i++) {
		const char *name = fields->items[i].name;

		if (http_is_sent_field(name) ||
		    (is_for_proxy && strcmp(name, "proxy-authorization") == 0))
			r = write_field(&fields->items[i], out);
	}
	return r;
}

/* One allocation, so that no secret stays behind where a buffer grew out of. */
static int reserve_head(const struct http_fields *fields, size_t target_len, struct buf *out)
{
	size_t len = HEAD_EXTRA_MAX + target_len + fields->bytes + fields->count * 4;

	if (len > out->max - out->len)
		return -ENOBUFS;
	return buf_reserve(out, len) != NULL ? 0 : -ENOMEM;
}

static int write_framing(enum http1_framing framing, int64_t length, struct buf *out)
{
	switch (framing) {
	case HTTP1_NONE:
	case HTTP1_UNTIL_CLOSE:
		break;
	case HTTP1_LENGTH:
		return buf_printf(out, "content-length: %lld\r\n", (long long)length);
	case HTTP1_CHUNKED:
		return buf_printf(out, "transfer-encoding: chunked\r\n");
	}
	return 0;
}

static int write_request_line(const struct http_request *request, bool is_for_proxy,
			      struct buf *out)
{
	if (request->path == NULL)
		return buf_printf(out, "CONNECT %s HTTP/1.1\r\n", request->authority);
	if (is_for_proxy && request->path[0] == '/')
		return buf_printf(out, "%s %s://%s%s HTTP/1.1\r\n", request->method,
				  request->scheme, request->authority, request->path);
	return buf_printf(out, "%s %s HTTP/1.1\r\n", request->method, request->path);
}

static int write_request(const struct http_request *request, enum http1_framing framing,
			 bool is_for_proxy, struct buf *out)
{
	int r = write_request_line(request, is_for_proxy, out);

	if (r == 0)
		r = buf_printf(out, "host: %s\r\n", request->authority);
	if (r == 0 && request->upgrade != NULL)
		r = buf_printf(out, "connection: upgrade\r\nupgrade: %s\r\n", request->upgrade);
	if (r == 0)
		r = write_fields(&request->fields, is_for_proxy, out);
	if (r == 0)
		r = write_framing(framing, max_of(request->content_length, (int64_t)0), out);
	if (r == 0 && request->expects_continue)
		r = buf_printf(out, "expect: 100-continue\r\n");
	return r == 0 ? buf_append(out, "\r\n", 2) : r;
}

int http1_write_request(const struct http_request *request, enum http1_framing framing,
			bool is_for_proxy, struct buf *out)
{
	size_t before = out->len;
	int r;

	if (!http_request_is_sound(request) || (is_for_proxy && request->scheme == NULL))
		return -EINVAL;
	r = reserve_head(&request->fields,
			 2 * strlen(request->authority) +
				 (request->path != NULL ? strlen(request->path) : 0),
			 out);
	if (r == 0)
		r = write_request(request, framing, is_for_proxy, out);
	if (r < 0)
		out->len = before;
	return r;
}

/* RFC 9110 §8.6: HEAD and 304 tell the length of what they do not carry. */
static int write_response_framing(const struct http_response *response,
				  const struct http1_answer *answer, struct buf *out)
{
	bool is_tunnel = strcmp(answer->method, "CONNECT") == 0 && response->status / 100 == 2;

	if (response->status < 200 || response->status == 204 || is_tunnel)
		return 0;
	if (!http_is_bodiless(answer->method, response->status))
		return write_framing(answer->framing == HTTP1_NONE ? HTTP1_LENGTH : answer->framing,
				     max_of(response->content_length, (int64_t)0), out);
	return response->content_length < 0
		       ? 0
		       : write_framing(HTTP1_LENGTH, response->content_length, out);
}

static int write_response(const struct http_response *response, const struct http1_answer *answer,
			  struct buf *out)
{
	int r = buf_printf(out, "HTTP/1.1 %u %s\r\n", response->status, reason(response->status));

	if (r == 0 && response->status == 101)
		r = buf_printf(out, "connection: upgrade\r\nupgrade: %s\r\n", answer->upgrade);
	if (r == 0)
		r = write_fields(&response->fields, false, out);
	if (r == 0)
		r = write_response_framing(response, answer, out);
	if (r == 0 && answer->close && response->status >= 200)
		r = buf_printf(out, "connection: close\r\n");
	return r == 0 ? buf_append(out, "\r\n", 2) : r;
}

int http1_write_response(const struct http_response *response, const struct http1_answer *answer,
			 struct buf *out)
{
	size_t before = out->len;
	int r;

	if (response->status < 100 || response->status > 599 ||
	    (response->status == 101 && answer->upgrade == NULL))
		return -EINVAL;
	r = reserve_head(&response->fields, 0, out);
	if (r == 0)
		r = write_response(response, answer, out);
	if (r < 0)
		out->len = before;
	return r;
}

int http1_write_chunk(const uint8_t *bytes, size_t len, struct buf *out)
{
	size_t before = out->len;
	int r = buf_printf(out, "%zx\r\n", len);

	if (r == 0)
		r = buf_append(out, bytes, len);
	if (r == 0)
		r = buf_append(out, "\r\n", 2);
	if (r < 0)
		out->len = before;
	return r;
}

int http1_write_last_chunk(const struct http_fields *trailers, struct buf *out)
{
	size_t before = out->len;
	int r;

	if (trailers != NULL && http_trailers_check(trailers) < 0)
		return -EINVAL;
	r = buf_append(out, "0\r\n", 3);
	for (size_t i = 0; trailers != NULL && i < trailers->count && r == 0; i++)
		r = write_field(&trailers->items[i], out);
	if (r == 0)
		r = buf_append(out, "\r\n", 2);
	if (r < 0)
		out->len = before;
	return r;
}
