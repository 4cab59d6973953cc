/*
 * Names in DNS messages: from wire form to text and back (RFC 1035 §3.1, §4.1.4).
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"

/*
 * Reads the name at `offset` of a message, as lower-case text without the last dot.
 * Returns the bytes it takes there; -EPROTO: cut short, a pointer that does not go
 * backwards, too long; -EINVAL: well-formed, but with a byte that no host name has:
 * then *ret_len, when not NULL, still gets the bytes that it takes.
 */
int dns_name_read(const uint8_t *bytes, size_t len, size_t offset, char ret[DNS_NAME_MAX + 1],
		  size_t *ret_len);

/* Writes a name without compression; returns its bytes, -EINVAL: an empty or too long label. */
int dns_name_write(const char *name, uint8_t to[DNS_WIRE_NAME_MAX]);

#endif
