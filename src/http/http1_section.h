/*
 * Lines up to and with the empty one, as they arrive: a head or a trailer
 * section (RFC 9112 §2). A line ends in CRLF; a bare CR or LF and a NUL are refused
 * as soon as their line ends. Takes nothing beyond the empty line.
 */
#ifndef HTTP_HTTP1_SECTION_H
#define HTTP_HTTP1_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "http/message.h"

struct http1_section {
	struct buf bytes;  /* read when complete */
	size_t line_start; /* of the line that is arriving */
	bool is_complete;
};

void http1_section_init(struct http1_section *section, size_t max);
void http1_section_finish(struct http1_section *section);
/* Ready for another; the memory goes back. */
void http1_section_clear(struct http1_section *section);

/* Bytes taken; -EPROTO; -EMSGSIZE: more than max; -ENOMEM. */
ssize_t http1_section_feed(struct http1_section *section, const uint8_t *bytes, size_t len);

/*
 * The next line without its CRLF, from *offset, which moves on; false at the empty
 * line. Only of a complete section.
 */
bool http1_section_line(const struct http1_section *section, size_t *offset, const char **ret_line,
			size_t *ret_len);

/* "name: value" lines from offset on. -EPROTO: one is none; -E2BIG: too many; -ENOMEM. */
int http1_section_fields(const struct http1_section *section, size_t offset,
			 struct http_fields *ret);

#endif
