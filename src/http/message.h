/*
 * An HTTP message as values, the same for HTTP/1.1 and HTTP/2 (RFC 9110).
 *
 * Field names are lower case tokens, values have no CR, LF or NUL and no
 * space around them. One head is bounded: HTTP_HEAD_MAX bytes of names and
 * values, HTTP_FIELDS_MAX fields.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_FIELDS_MAX = 256, HTTP_HEAD_MAX = 65536, HTTP_METHOD_MAX = 32 };

struct http_field {
	char *name, *value; /* owned by the fields */
	size_t value_len;
	bool is_secret; /* HPACK: never indexed; wiped when freed */
};

struct http_fields {
	struct http_field *items; /* owned */
	size_t count;
	size_t bytes;
};

void http_fields_init(struct http_fields *fields);
void http_fields_finish(struct http_fields *fields);
/* -E2BIG beyond the bounds, -EINVAL: no field name or value. Copies; the name in lower case. */
int http_fields_add(struct http_fields *fields, const char *name, const char *value,
		    size_t value_len);
/* The same, marked secret. */
int http_fields_add_secret(struct http_fields *fields, const char *name, const char *value,
			   size_t value_len);
/* Gives the field at index another value. Failing leaves it as it was. */
int http_fields_replace(struct http_fields *fields, size_t index, const char *value,
			size_t value_len, bool is_secret);
/* Replaces all of that name by one. */
int http_fields_set(struct http_fields *fields, const char *name, const char *value);
size_t http_fields_remove(struct http_fields *fields, const char *name); /* how many */
/* Removes those of which `is_unwanted` says so; how many. */
size_t http_fields_filter(struct http_fields *fields, bool (*is_unwanted)(const char *name));
/* The only one of that name; NULL when there is none or several. */
const struct http_field *http_fields_only(const struct http_fields *fields, const char *name);
size_t http_fields_count(const struct http_fields *fields, const char *name);

struct http_request {
	char method[HTTP_METHOD_MAX]; /* upper case */
	char *scheme;	 /* owned; "http", "https", "ws" never: an upgrade is `upgrade` */
	char *authority; /* owned; "host" or "host:port", checked, lower case, no user info */
	char *path;	 /* owned; as sent: path and query, no fragment, or "*"; NULL for CONNECT */
	char *upgrade;	 /* owned; "websocket" or NULL */
	struct http_fields fields; /* without those that are the codecs' (http/codec.h) */
	bool expects_continue;
	int64_t content_length; /* -1: not stated */
};

struct http_response {
	unsigned status;	   /* 100..599; 1xx are told too */
	struct http_fields fields; /* likewise, and without Alt-Svc */
	int64_t content_length;	   /* of the body; for HEAD and 304 of the one not sent */
};

/* Empty and without stated length; finish wipes secret values and leaves it so. */
void http_request_init(struct http_request *request);
void http_response_init(struct http_response *response, unsigned status);
void http_request_finish(struct http_request *request);
void http_response_finish(struct http_response *response);

#endif
