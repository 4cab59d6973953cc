/*
 * The receiving end of HTTP/1.1 (RFC 9112), as much of it as sbxd speaks, and
 * strict: what is ambiguous is refused. Pure: bytes go in, no I/O.
 */
#ifndef SBX_HTTP_H
#define SBX_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

enum { HTTP_HEAD_MAX = 16384 };

struct http_head {
	int status;
	bool chunked;
	bool has_length;
	uint64_t length; /* bytes of the body, when has_length */
};

/*
 * Parses the head of a response, up to and with its empty line. Returns the
 * bytes it takes, 0 when more are needed, -EPROTO when it is none or longer
 * than HTTP_HEAD_MAX.
 */
int http_head_parse(const uint8_t *bytes, size_t len, struct http_head *ret);

enum http_body_state {
	HTTP_BODY_PLAIN,      /* `left` bytes; then DONE */
	HTTP_BODY_UNTIL_END,  /* until the connection ends */
	HTTP_BODY_CHUNK_SIZE, /* a chunk's size line; a size of 0 leads to TRAILER */
	HTTP_BODY_CHUNK,      /* `left` bytes of a chunk; then CHUNK_END */
	HTTP_BODY_CHUNK_END,  /* the CRLF behind a chunk; then CHUNK_SIZE */
	HTTP_BODY_TRAILER,    /* lines up to an empty one; then DONE */
	HTTP_BODY_DONE,	      /* what follows is not of this response */
};

struct http_body {
	enum http_body_state state;
	uint64_t left;
};

void http_body_init(struct http_body *body, const struct http_head *head);

/*
 * Takes bytes off the connection and appends what they carry to `to`. Returns
 * the bytes taken (it stops short of an unfinished line), -EPROTO, or an error
 * of buf_append().
 */
ssize_t http_body_feed(struct http_body *body, const uint8_t *bytes, size_t len, struct buf *to);

/* The connection ended: 0, or -EPROTO when the body was cut. */
int http_body_end(struct http_body *body);

#endif
