/*
 * "host" or "host:port" (RFC 3986 §3.2 without user info), in its one form: lower
 * case, no trailing dot, a port of 1..65535 without leading zeros as it was sent,
 * IPv6 in brackets as RFC 5952 writes it. A host is a name of letters, digits,
 * '-' and '_' or an address; a number that some would read as an IPv4 address
 * ("127.1", "0x7f.0.0.1", "2130706433") is refused.
 */
#ifndef HTTP_AUTHORITY_H
#define HTTP_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_HOST_MAX = 254,	  /* with the NUL; an IPv6 address without its brackets */
	HTTP_AUTHORITY_MAX = 264, /* with the NUL */
};

/* -EINVAL: it is none. */
int http_authority_check(const char *bytes, size_t len, char ret[HTTP_AUTHORITY_MAX]);

/* Of a checked authority. port 0: none was stated. */
int http_authority_split(const char *authority, char ret_host[HTTP_HOST_MAX], uint16_t *ret_port);

/* Whether two checked authorities are one place under this scheme ("host" and "host:443"). */
bool http_authority_equal(const char *a, const char *b, const char *scheme);

#endif
