#include "base/bytes.h"
#include "net/packet.h"

enum { NDP_HOPS = 255, OUR_HOPS = 64 };

const char *ipv6_parse(const struct iov *body, struct packet *ret)
{
	struct iov rest = *body;
	uint8_t header[IPV6_HEADER];
	size_t len;

	if (iov_read(&rest, header, sizeof(header)) < 0)
		return "IPv6: short";
	if (header[0] >> 4 != 6)
		return "IPv6: version";
	len = be16_load(header + 4);
	if (len > rest.left)
		return "IPv6: length";
	if (header[7] == 0)
		return "IPv6: hop limit";

	ret->protocol = header[6];
	ret->hops = header[7];
	ret->from = (struct address){ .family = ADDRESS_V6 };
	memcpy(ret->from.bytes, header + 8, 16);
	ret->to = (struct address){ .family = ADDRESS_V6 };
	memcpy(ret->to.bytes, header + 24, 16);
	rest.left = len;
	ret->body = rest;
	return NULL;
}

void ipv6_build(uint8_t to[IPV6_HEADER], const struct address *source,
		const struct address *destination, uint8_t protocol, size_t len)
{
	memset(to, 0, IPV6_HEADER);
	to[0] = 6 << 4;
	be16_store(to + 4, (uint16_t)len);
	to[6] = protocol;
	to[7] = protocol == PROTOCOL_ICMPV6 ? NDP_HOPS : OUR_HOPS; /* RFC 4861 §7.1.2 */
	memcpy(to + 8, source->bytes, 16);
	memcpy(to + 24, destination->bytes, 16);
}
