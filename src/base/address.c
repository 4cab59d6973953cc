#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/parse.h"

enum { V4_BITS = 32, V6_BITS = 128 };

/* A range of addresses with one purpose; the first that matches counts. */
struct range {
	enum address_family family;
	uint8_t bytes[16];
	uint8_t bits;
	enum address_kind kind;
};

/* The registries of RFC 6890 and what has come since, and 168.63.129.16, a cloud's link-local
 * service with a public number. */
static const struct range ranges[] = {
	{ ADDRESS_V4, { 0 }, 8, ADDRESS_UNSPECIFIED },
	{ ADDRESS_V4, { 10 }, 8, ADDRESS_PRIVATE },
	{ ADDRESS_V4, { 100, 64 }, 10, ADDRESS_SHARED },
	{ ADDRESS_V4, { 127 }, 8, ADDRESS_LOOPBACK },
	{ ADDRESS_V4, { 168, 63, 129, 16 }, 32, ADDRESS_LINK_LOCAL },
	{ ADDRESS_V4, { 169, 254 }, 16, ADDRESS_LINK_LOCAL },
	{ ADDRESS_V4, { 172, 16 }, 12, ADDRESS_PRIVATE },
	{ ADDRESS_V4, { 192, 0, 0 }, 24, ADDRESS_RESERVED },
	{ ADDRESS_V4, { 192, 0, 2 }, 24, ADDRESS_RESERVED },
	{ ADDRESS_V4, { 192, 88, 99 }, 24, ADDRESS_RESERVED },
	{ ADDRESS_V4, { 192, 168 }, 16, ADDRESS_PRIVATE },
	{ ADDRESS_V4, { 198, 18 }, 15, ADDRESS_RESERVED },
	{ ADDRESS_V4, { 198, 51, 100 }, 24, ADDRESS_RESERVED },
	{ ADDRESS_V4, { 203, 0, 113 }, 24, ADDRESS_RESERVED },
	{ ADDRESS_V4, { 224 }, 4, ADDRESS_MULTICAST },
	{ ADDRESS_V4, { 255, 255, 255, 255 }, 32, ADDRESS_MULTICAST },
	{ ADDRESS_V4, { 240 }, 4, ADDRESS_RESERVED },
	{ ADDRESS_V4, { 0 }, 0, ADDRESS_PUBLIC },
	{ ADDRESS_V6, { 0 }, 128, ADDRESS_UNSPECIFIED },
	{ ADDRESS_V6, { [15] = 1 }, 128, ADDRESS_LOOPBACK },
	{ ADDRESS_V6, { 0xfc }, 7, ADDRESS_PRIVATE },
	{ ADDRESS_V6, { 0xfe, 0x80 }, 10, ADDRESS_LINK_LOCAL },
	{ ADDRESS_V6, { 0xfe, 0xc0 }, 10, ADDRESS_PRIVATE }, /* site-local, RFC 3879 */
	{ ADDRESS_V6, { 0xff }, 8, ADDRESS_MULTICAST },
	{ ADDRESS_V6, { 0x20, 0x01 }, 23, ADDRESS_RESERVED }, /* protocols, Teredo among them */
	{ ADDRESS_V6, { 0x20, 0x01, 0x0d, 0xb8 }, 32, ADDRESS_RESERVED },
	{ ADDRESS_V6, { 0x20, 0x02 }, 16, ADDRESS_RESERVED }, /* 6to4 */
	{ ADDRESS_V6, { 0x3f, 0xff }, 20, ADDRESS_RESERVED },
	{ ADDRESS_V6, { 0x20 }, 3, ADDRESS_PUBLIC },
	{ ADDRESS_V6, { 0 }, 0, ADDRESS_RESERVED }, /* not given out: NAT64 of a site is here */
};

/* IPv6 prefixes with an IPv4 address in them. */
static const struct embedding {
	uint8_t bytes[12];
	uint8_t bits;
	uint8_t offset;	 /* of the IPv4 address */
	bool is_current; /* hosts still speak to it in this form */
} embeddings[] = {
	{ { [10] = 0xff, [11] = 0xff }, 96, 12, true }, /* mapped, RFC 4291 §2.5.5.2 */
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, 12, true },	/* NAT64, RFC 6052 §2.1 */
	{ { 0x20, 0x02 }, 16, 2, false },		/* 6to4, RFC 7526 */
	{ { 0 }, 96, 12, false },			/* compatible, RFC 4291 §2.5.5.1 */
};

static unsigned width(enum address_family family)
{
	return family == ADDRESS_V4 ? V4_BITS : family == ADDRESS_V6 ? V6_BITS : 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && same_bits(a->bytes, b->bytes, width(a->family));
}

bool address_in(const struct address *address, const struct address *net, unsigned bits)
{
	return address->family == net->family && address->family != ADDRESS_NONE &&
	       bits <= width(net->family) && same_bits(address->bytes, net->bytes, bits);
}

int address_parse(const char *text, struct address *ret)
{
	struct address address = { .family = ADDRESS_V4 };

	if (inet_pton(AF_INET, text, address.bytes) != 1) {
		address.family = ADDRESS_V6;
		if (inet_pton(AF_INET6, text, address.bytes) != 1)
			return -EINVAL;
	}
	*ret = address;
	return 0;
}

void address_format(const struct address *address, char ret[ADDRESS_TEXT_MAX])
{
	int family = address->family == ADDRESS_V4 ? AF_INET : AF_INET6;

	if (address->family == ADDRESS_NONE ||
	    inet_ntop(family, address->bytes, ret, ADDRESS_TEXT_MAX) == NULL)
		ret[0] = '\0';
}

void endpoint_format(const struct endpoint *endpoint, char ret[ENDPOINT_TEXT_MAX])
{
	char address[ADDRESS_TEXT_MAX];
	bool brackets = endpoint->address.family == ADDRESS_V6;

	address_format(&endpoint->address, address);
	(void)snprintf(ret, ENDPOINT_TEXT_MAX, "%s%s%s:%u", brackets ? "[" : "", address,
		       brackets ? "]" : "", endpoint->port);
}

int endpoint_parse(const char *text, struct endpoint *ret)
{
	bool brackets = text[0] == '[';
	const char *end = strrchr(text, ':');
	char host[ADDRESS_TEXT_MAX];
	struct endpoint endpoint = { .port = 0 };
	uint64_t port;
	size_t len;

	if (end == NULL || end == text || (brackets && end[-1] != ']'))
		return -EINVAL;
	text += brackets;
	len = (size_t)(end - text) - brackets;
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (address_parse(host, &endpoint.address) < 0 || parse_u64(end + 1, UINT16_MAX, &port) < 0)
		return -EINVAL;
	if (brackets != (endpoint.address.family == ADDRESS_V6))
		return -EINVAL;
	endpoint.port = (uint16_t)port;
	*ret = endpoint;
	return 0;
}

/* How the IPv4 address stands in this one; NULL: none does. */
static const struct embedding *embedding_of(const struct address *address)
{
	static const uint8_t nothing[15];

	/* :: and ::1 look compatible, and are not. */
	if (address->family != ADDRESS_V6 ||
	    (memcmp(address->bytes, nothing, sizeof(nothing)) == 0 && address->bytes[15] <= 1))
		return NULL;
	for (size_t i = 0; i < countof(embeddings); i++) {
		if (same_bits(address->bytes, embeddings[i].bytes, embeddings[i].bits))
			return &embeddings[i];
	}
	return NULL;
}

struct address address_unmap(const struct address *address)
{
	const struct embedding *embedding = embedding_of(address);
	struct address inner = { .family = ADDRESS_V4 };

	if (embedding == NULL)
		return *address;
	memcpy(inner.bytes, address->bytes + embedding->offset, 4);
	return inner;
}

enum address_kind address_kind(const struct address *address)
{
	const struct embedding *embedding = embedding_of(address);
	const struct address inner = address_unmap(address);

	for (size_t i = 0; i < countof(ranges); i++) {
		const struct range *range = &ranges[i];

		if (inner.family != range->family ||
		    !same_bits(inner.bytes, range->bytes, range->bits))
			continue;
		/* A public address by a dead way in is still no public address. */
		return range->kind == ADDRESS_PUBLIC && embedding != NULL && !embedding->is_current
			       ? ADDRESS_RESERVED
			       : range->kind;
	}
	return ADDRESS_RESERVED;
}

const char *address_kind_name(enum address_kind kind)
{
	switch (kind) {
	case ADDRESS_PUBLIC:
		return "a public address";
	case ADDRESS_UNSPECIFIED:
		return "an unspecified address";
	case ADDRESS_LOOPBACK:
		return "a loopback address";
	case ADDRESS_PRIVATE:
		return "a private address";
	case ADDRESS_LINK_LOCAL:
		return "a link-local address";
	case ADDRESS_SHARED:
		return "a carrier's shared address";
	case ADDRESS_MULTICAST:
		return "a multicast address";
	case ADDRESS_RESERVED:
		return "a reserved address";
	}
	return "no address";
}

socklen_t endpoint_to_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (endpoint->address.family == ADDRESS_V4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(endpoint->port);
		memcpy(&v4->sin_addr, endpoint->address.bytes, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(endpoint->port);
	memcpy(&v6->sin6_addr, endpoint->address.bytes, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

int endpoint_from_sockaddr(const struct sockaddr_storage *from, struct endpoint *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
	struct endpoint endpoint = { .port = 0 };

	if (from->ss_family == AF_INET) {
		endpoint.address.family = ADDRESS_V4;
		endpoint.port = ntohs(v4->sin_port);
		memcpy(endpoint.address.bytes, &v4->sin_addr, sizeof(v4->sin_addr));
	} else if (from->ss_family == AF_INET6) {
		endpoint.address.family = ADDRESS_V6;
		endpoint.port = ntohs(v6->sin6_port);
		memcpy(endpoint.address.bytes, &v6->sin6_addr, sizeof(v6->sin6_addr));
	} else {
		return -EAFNOSUPPORT;
	}
	*ret = endpoint;
	return 0;
}
