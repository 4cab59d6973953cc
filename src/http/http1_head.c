/*
 * Order: start line, fields, then what the fields say about framing and
 * connection, then what they say about the target; what was understood is taken
 * out of the fields on the way, and at last all that is not for the other side.
 */
#include "http/http1_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "http/authority.h"
#include "http/inbound.h"
#include "http/token.h"

enum { VERSION_LEN = 8, STATUS_LINE_MIN = VERSION_LEN + 4 };

/* What Connection said. */
struct options {
	bool close, upgrade;
};

static int refuse(struct http1_head *head, unsigned status, const char *why)
{
	head->refusal = (struct http1_refusal){ .status = status, .why = why };
	return -EPROTO;
}

static int parse_version(const char *bytes, struct http1_head *head)
{
	if (memcmp(bytes, "HTTP/1.1", VERSION_LEN) != 0 &&
	    memcmp(bytes, "HTTP/1.0", VERSION_LEN) != 0)
		return refuse(head, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	head->is_old = bytes[VERSION_LEN - 1] == '0';
	return 0;
}

static int parse_fields(const struct http1_section *section, size_t offset,
			struct http_fields *fields, struct http1_head *head)
{
	int r = http1_section_fields(section, offset, fields);

	if (r == -E2BIG)
		return refuse(head, 431, "the head has too many fields");
	if (r == -EPROTO)
		return refuse(head, 400, "a header field is malformed");
	return r;
}

/* Connection may name fields of this hop, never those that say where a message ends or goes. */
static int apply_option(const char *item, size_t len, struct http_fields *fields,
			struct options *options)
{
	char name[64];

	if (http_token_is(item, len, "close"))
		options->close = true;
	if (http_token_is(item, len, "upgrade"))
		options->upgrade = true;
	if (!http_is_token(item, len) || len >= sizeof(name))
		return -EPROTO;
	for (size_t i = 0; i < len; i++)
		name[i] = http_lower(item[i]);
	name[len] = '\0';
	if (strcmp(name, "host") == 0 || strcmp(name, "content-length") == 0 ||
	    strcmp(name, "transfer-encoding") == 0)
		return -EPROTO;
	/* These are looked at later and then removed in any case. */
	if (!http_is_codec_field(name))
		(void)http_fields_remove(fields, name);
	return 0;
}

static int parse_connection(struct http_fields *fields, struct http1_head *head,
			    struct options *ret)
{
	autocall(http_fields_finish) struct http_fields connection;
	int r = 0;

	*ret = (struct options){ .close = false };
	http_fields_init(&connection);
	for (size_t i = 0; i < fields->count && r == 0; i++)
		if (strcmp(fields->items[i].name, "connection") == 0)
			r = http_fields_add(&connection, "connection", fields->items[i].value,
					    fields->items[i].value_len);
	for (size_t i = 0; i < connection.count && r == 0; i++) {
		const char *list = connection.items[i].value, *item;
		size_t len = connection.items[i].value_len, item_len;

		while (r == 0 && http_list_next(&list, &len, &item, &item_len))
			r = apply_option(item, item_len, fields, ret);
	}
	if (r == -EPROTO)
		return refuse(head, 400, "Connection names what it must not");
	head->persists = !head->is_old && !ret->close;
	return r;
}

/* RFC 9112 §6.3, without what it lets a recipient repair. */
static int parse_framing(struct http_fields *fields, int64_t *length, struct http1_head *head)
{
	size_t encodings = http_fields_count(fields, "transfer-encoding");
	const struct http_field *encoding = http_fields_only(fields, "transfer-encoding");

	if (http_take_length(fields, length) < 0)
		return refuse(head, 400, "Content-Length is not one number");
	if (encodings > 0 && *length >= 0)
		return refuse(head, 400, "Content-Length and Transfer-Encoding exclude each other");
	if (encodings > 0 && head->is_old)
		return refuse(head, 400, "HTTP/1.0 has no Transfer-Encoding");
	if (encodings > 0 &&
	    (encoding == NULL || !http_token_is(encoding->value, encoding->value_len, "chunked")))
		return refuse(head, 400, "Transfer-Encoding is not exactly chunked");
	head->framing = encodings > 0 ? HTTP1_CHUNKED : *length > 0 ? HTTP1_LENGTH : HTTP1_NONE;
	return 0;
}

static char *copy_checked(const char *bytes, size_t len)
{
	char authority[HTTP_AUTHORITY_MAX];

	return http_authority_check(bytes, len, authority) == 0 ? strdup(authority) : NULL;
}

/* origin-form, or "*" */
static int set_path(struct http_request *request, const char *bytes, size_t len,
		    struct http1_head *head)
{
	bool is_asterisk = len == 1 && bytes[0] == '*' && strcmp(request->method, "OPTIONS") == 0;

	if (!is_asterisk && !http_is_path(bytes, len))
		return refuse(head, 400, "the request target is malformed");
	request->path = strndup(bytes, len);
	return request->path != NULL ? 0 : -ENOMEM;
}

/* "http://host/path?query", where path may be empty (RFC 9112 §3.2.2) */
static int parse_absolute(struct http_request *request, const char *bytes, size_t len,
			  const char *scheme, struct http1_head *head)
{
	size_t scheme_len = strlen(scheme), end;
	autofree char *slashed = NULL;

	if (len < scheme_len + 3 || !http_token_is(bytes, scheme_len, scheme) ||
	    memcmp(bytes + scheme_len, "://", 3) != 0)
		return refuse(head, 400, "the scheme of the request target is not that of here");
	bytes += scheme_len + 3;
	len -= scheme_len + 3;
	for (end = 0; end < len && bytes[end] != '/' && bytes[end] != '?'; end++)
		;
	request->authority = copy_checked(bytes, end);
	if (request->authority == NULL)
		return refuse(head, 400, "the request target names no host");
	if (end < len && bytes[end] == '/')
		return set_path(request, bytes + end, len - end, head);
	slashed = malloc(len - end + 1);
	if (slashed == NULL)
		return -ENOMEM;
	slashed[0] = '/';
	memcpy(slashed + 1, bytes + end, len - end);
	return set_path(request, slashed, len - end + 1, head);
}

/* authority-form: a host and always a port (RFC 9112 §3.2.3) */
static int parse_connect(struct http_request *request, const char *bytes, size_t len,
			 struct http1_head *head)
{
	char host[HTTP_HOST_MAX];
	uint16_t port = 0;

	request->authority = copy_checked(bytes, len);
	if (request->authority != NULL)
		(void)http_authority_split(request->authority, host, &port);
	if (port == 0)
		return refuse(head, 400, "CONNECT needs host:port");
	return 0;
}

static int parse_target(struct http_request *request, const char *bytes, size_t len,
			const char *scheme, bool is_proxy, struct http1_head *head)
{
	bool is_absolute = bytes[0] != '/' && bytes[0] != '*';

	if (strcmp(request->method, "CONNECT") == 0)
		return is_proxy ? parse_connect(request, bytes, len, head)
				: refuse(head, 405, "CONNECT is for proxies");
	if (is_absolute)
		return parse_absolute(request, bytes, len, scheme, head);
	if (is_proxy)
		return refuse(head, 400, "a proxy needs the whole URL as the request target");
	return set_path(request, bytes, len, head);
}

static int parse_request_line(const char *line, size_t len, const char *scheme, bool is_proxy,
			      struct http_request *request, struct http1_head *head)
{
	const char *target = memchr(line, ' ', len), *version;
	size_t method_len = target != NULL ? (size_t)(target - line) : 0;
	size_t rest = len - method_len;
	int r;

	if (method_len == 0 || rest < VERSION_LEN + 3 || line[len - VERSION_LEN - 1] != ' ')
		return refuse(head, 400, "the request line is malformed");
	version = line + len - VERSION_LEN;
	r = parse_version(version, head);
	if (r < 0)
		return r;
	if (!http_is_method(line, method_len))
		return refuse(head, 400, "the method is no upper case word");
	memcpy(request->method, line, method_len);
	target++;
	return parse_target(request, target, (size_t)(version - 1 - target), scheme, is_proxy,
			    head);
}

/* A CONNECT's Host may leave its port out, as many clients do. */
static bool host_agrees(const struct http_request *request, const char *host)
{
	char a[HTTP_HOST_MAX], b[HTTP_HOST_MAX];
	uint16_t port_a, port_b;

	if (request->path != NULL)
		return http_authority_equal(request->authority, host, request->scheme);
	(void)http_authority_split(request->authority, a, &port_a);
	(void)http_authority_split(host, b, &port_b);
	return strcmp(a, b) == 0 && (port_b == 0 || port_a == port_b);
}

/* RFC 9112 §3.2: one Host; it and an absolute target say the same. */
static int parse_host(struct http_request *request, struct http1_head *head)
{
	const struct http_field *field = http_fields_only(&request->fields, "host");
	autofree char *host = NULL;

	if (http_fields_count(&request->fields, "host") > 1)
		return refuse(head, 400, "there is more than one Host");
	if (field == NULL && (!head->is_old || request->authority == NULL))
		return refuse(head, 400, "there is no Host");
	if (field == NULL)
		return 0;
	host = copy_checked(field->value, field->value_len);
	if (host == NULL)
		return refuse(head, 400, "Host is malformed");
	if (request->authority == NULL)
		request->authority = take_ptr(host);
	else if (!host_agrees(request, host))
		return refuse(head, 400, "Host and the request target differ");
	return 0;
}

/* An upgrade to websocket; others are not heard. */
static int parse_upgrade(struct http_request *request, const struct options *options,
			 struct http1_head *head)
{
	const struct http_field *field = http_fields_only(&request->fields, "upgrade");

	if (!options->upgrade || field == NULL || head->is_old ||
	    !http_token_is(field->value, field->value_len, "websocket"))
		return 0;
	if (strcmp(request->method, "GET") != 0 || head->framing != HTTP1_NONE)
		return refuse(head, 400, "a websocket begins with GET and no body");
	request->upgrade = strdup("websocket");
	return request->upgrade != NULL ? 0 : -ENOMEM;
}

static int parse_request_fields(struct http_request *request, struct http1_head *head)
{
	struct options options;
	int r = parse_framing(&request->fields, &request->content_length, head);

	if (r == 0)
		r = parse_connection(&request->fields, head, &options);
	if (r == 0)
		r = parse_host(request, head);
	if (r == 0)
		r = parse_upgrade(request, &options, head);
	if (r < 0)
		return r;
	if (http_take_expect(&request->fields, &request->expects_continue) < 0)
		return refuse(head, 417, "only 100-continue can be expected");
	/* RFC 9110 §10.1.1: not from HTTP/1.0, and not without a body. */
	if (head->is_old || head->framing == HTTP1_NONE)
		request->expects_continue = false;
	if (request->path == NULL && head->framing != HTTP1_NONE)
		return refuse(head, 400, "CONNECT has no body");
	http_strip(&request->fields);
	return 0;
}

int http1_request_parse(const struct http1_section *section, const char *scheme, bool is_proxy,
			struct http_request *ret_request, struct http1_head *ret_head)
{
	autocall(http_request_finish) struct http_request request;
	size_t offset = 0, len;
	const char *line;
	int r;

	http_request_init(&request);
	*ret_head = (struct http1_head){ .framing = HTTP1_NONE };
	if (!http1_section_line(section, &offset, &line, &len))
		return refuse(ret_head, 400, "there is an empty line before the request");
	request.scheme = strdup(scheme);
	if (request.scheme == NULL)
		return -ENOMEM;
	r = parse_request_line(line, len, scheme, is_proxy, &request, ret_head);
	if (r == 0)
		r = parse_fields(section, offset, &request.fields, ret_head);
	if (r == 0)
		r = parse_request_fields(&request, ret_head);
	if (r < 0)
		return r;
	*ret_request = request;
	http_request_init(&request);
	return 0;
}

/* "HTTP/1.1 200 reason"; the reason, and the blank before it, may be missing. */
static int parse_status_line(const char *line, size_t len, struct http_response *response,
			     struct http1_head *head)
{
	int64_t status;
	int r;

	if (len < STATUS_LINE_MIN || line[VERSION_LEN] != ' ')
		return refuse(head, 502, "the status line is malformed");
	r = parse_version(line, head);
	if (r < 0)
		return r;
	if (http_length_parse(line + VERSION_LEN + 1, 3, &status) < 0 || status < 100 ||
	    status > 599 || (len > STATUS_LINE_MIN && line[STATUS_LINE_MIN] != ' '))
		return refuse(head, 502, "the status is malformed");
	response->status = (unsigned)status;
	return 0;
}

static int judge_switch(const struct http_fields *fields, const struct options *options,
			const char *upgrade, struct http1_head *head)
{
	const struct http_field *field = http_fields_only(fields, "upgrade");

	if (upgrade == NULL || head->is_old || !options->upgrade || field == NULL ||
	    !http_token_is(field->value, field->value_len, upgrade))
		return refuse(head, 502, "protocols were switched unasked");
	return 0;
}

/* RFC 9112 §6.3, items 1, 2 and 8. */
static int settle_response(struct http_response *response, const char *method,
			   struct http1_head *head)
{
	bool is_tunnel = strcmp(method, "CONNECT") == 0 && response->status / 100 == 2;
	bool is_unframed = response->status < 200 || response->status == 204;

	if (is_unframed && !is_tunnel && head->framing != HTTP1_NONE)
		return refuse(head, 502, "a response that has no body says that it has one");
	if (is_tunnel)
		response->content_length = -1;
	if (is_tunnel || http_is_bodiless(method, response->status)) {
		head->framing = HTTP1_NONE;
	} else if (head->framing == HTTP1_NONE && response->content_length < 0) {
		head->framing = HTTP1_UNTIL_CLOSE;
		head->persists = false;
	}
	return 0;
}

int http1_response_parse(const struct http1_section *section, const char *method,
			 const char *upgrade, struct http_response *ret_response,
			 struct http1_head *ret_head)
{
	autocall(http_response_finish) struct http_response response;
	struct options options = { .close = false };
	size_t offset = 0, len;
	const char *line;
	int r;

	http_response_init(&response, 0);
	*ret_head = (struct http1_head){ .framing = HTTP1_NONE };
	if (!http1_section_line(section, &offset, &line, &len))
		return refuse(ret_head, 502, "there is an empty line before the response");
	r = parse_status_line(line, len, &response, ret_head);
	if (r == 0)
		r = parse_fields(section, offset, &response.fields, ret_head);
	if (r == 0)
		r = parse_framing(&response.fields, &response.content_length, ret_head);
	if (r == 0)
		r = parse_connection(&response.fields, ret_head, &options);
	if (r == 0 && response.status == 101)
		r = judge_switch(&response.fields, &options, upgrade, ret_head);
	if (r == 0)
		r = settle_response(&response, method, ret_head);
	if (r < 0)
		return r;
	http_strip(&response.fields);
	*ret_response = response;
	http_response_init(&response, 0);
	return 0;
}
