/*
 * What both versions do with the fields of a message that came in: take out
 * what the codec itself says (length, expectation), what belongs to the connection
 * only (RFC 9110 §7.6.1), and what would lead past the proxy (Alt-Svc, Proxy-*).
 */
#ifndef HTTP_INBOUND_H
#define HTTP_INBOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "http/message.h"

/* Whether a field is written by the codec or not at all: framing, routing, connection. */
bool http_is_codec_field(const char *name);

/* Removes Content-Length; -1 when there was none; -EINVAL: several, or no number. */
int http_take_length(struct http_fields *fields, int64_t *ret);

/* Removes Expect; -EINVAL: it expects something else than 100-continue. */
int http_take_expect(struct http_fields *fields, bool *ret);

/* Removes all that http_is_codec_field() names, Proxy-* and Alt-Svc. */
void http_strip(struct http_fields *fields);

/* Trailers with framing, routing or credentials (RFC 9110 §6.5.1): -EINVAL. */
int http_trailers_check(const struct http_fields *trailers);

/* Whether a message of this kind has no body, whatever its fields say (RFC 9110 §6.4.1). */
bool http_is_bodiless(const char *method, unsigned status);

#endif
