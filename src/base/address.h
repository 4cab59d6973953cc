/*
 * Addresses of the Internet protocols, as values.
 *
 * An IPv4 address is always kept as such: what arrives as ::ffff:a.b.c.d or
 * inside 64:ff9b::/96 is what address_unmap() says it reaches.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum address_family { ADDRESS_NONE, ADDRESS_V4, ADDRESS_V6 };

struct address {
	enum address_family family;
	uint8_t bytes[16]; /* network order; 4 of them for V4, the rest zero */
};

struct endpoint {
	struct address address;
	uint16_t port; /* host order */
};

enum {
	ADDRESS_TEXT_MAX = 46,	/* with the NUL */
	ENDPOINT_TEXT_MAX = 54, /* "[v6]:port" with the NUL */
};

/* What an address is for, as far as a guest must be kept from it. */
enum address_kind {
	ADDRESS_PUBLIC,
	ADDRESS_UNSPECIFIED, /* 0.0.0.0/8, :: */
	ADDRESS_LOOPBACK,
	ADDRESS_PRIVATE,    /* RFC 1918, fc00::/7 */
	ADDRESS_LINK_LOCAL, /* 169.254/16 with the metadata services, fe80::/10 */
	ADDRESS_SHARED,	    /* RFC 6598, 100.64/10 */
	ADDRESS_MULTICAST,  /* and broadcast */
	ADDRESS_RESERVED,   /* 240/4, 192.0.0/24, documentation, benchmarking, 6to4, Teredo … */
};

bool address_equal(const struct address *a, const struct address *b);

/* Whole text only: "192.0.2.1", "2001:db8::1", no brackets, no zone, no leading zeros; -EINVAL. */
int address_parse(const char *text, struct address *ret);
void address_format(const struct address *address, char ret[ADDRESS_TEXT_MAX]);
void endpoint_format(const struct endpoint *endpoint, char ret[ENDPOINT_TEXT_MAX]);

/* "a.b.c.d:port" or "[v6]:port"; -EINVAL. */
int endpoint_parse(const char *text, struct endpoint *ret);

/* The IPv4 address that an IPv6 one stands for (mapped, compatible, NAT64, 6to4); else itself. */
struct address address_unmap(const struct address *address);

/* Judged after address_unmap(). */
enum address_kind address_kind(const struct address *address);
const char *address_kind_name(enum address_kind kind); /* "a private address", … */

/* Whether the first `bits` of both are the same and the family is. */
bool address_in(const struct address *address, const struct address *net, unsigned bits);

socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *ret);
int endpoint_from_sockaddr(const struct sockaddr_storage *from, struct endpoint *ret);

#endif
