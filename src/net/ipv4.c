#include "base/bytes.h"
#include "net/checksum.h"
#include "net/packet.h"

enum { VERSION_AND_LENGTH = 0x45, DONT_FRAGMENT = 0x4000, FRAGMENT = 0x3fff, OUR_TTL = 64 };

const char *ipv4_parse(const struct iov *body, struct packet *ret)
{
	struct checksum checksum = { 0 };
	struct iov rest = *body;
	uint8_t header[IPV4_HEADER];
	size_t total;

	if (iov_read(&rest, header, sizeof(header)) < 0)
		return "IPv4: short";
	if (header[0] >> 4 != 4 || (header[0] & 0xf) < 5)
		return "IPv4: version or header length";
	if (header[0] != VERSION_AND_LENGTH)
		return "IPv4: options";
	if ((be16_load(header + 6) & FRAGMENT) != 0)
		return "IPv4: fragment";
	total = be16_load(header + 2);
	if (total < IPV4_HEADER || total > body->left)
		return "IPv4: length";
	checksum_add(&checksum, header, sizeof(header));
	if (checksum_finish(&checksum) != 0)
		return "IPv4: checksum";
	if (header[8] == 0)
		return "IPv4: time to live";

	ret->hops = header[8];
	ret->protocol = header[9];
	ret->from = (struct address){ .family = ADDRESS_V4 };
	memcpy(ret->from.bytes, header + 12, 4);
	ret->to = (struct address){ .family = ADDRESS_V4 };
	memcpy(ret->to.bytes, header + 16, 4);
	rest.left = total - IPV4_HEADER;
	ret->body = rest;
	return NULL;
}

void ipv4_build(uint8_t to[IPV4_HEADER], const struct address *source,
		const struct address *destination, uint8_t protocol, size_t len)
{
	struct checksum checksum = { 0 };

	memset(to, 0, IPV4_HEADER);
	to[0] = VERSION_AND_LENGTH;
	be16_store(to + 2, (uint16_t)(IPV4_HEADER + len));
	be16_store(to + 6, DONT_FRAGMENT); /* so that no identification is needed, RFC 6864 §4.1 */
	to[8] = OUR_TTL;
	to[9] = protocol;
	memcpy(to + 12, source->bytes, 4);
	memcpy(to + 16, destination->bytes, 4);
	checksum_add(&checksum, to, IPV4_HEADER);
	be16_store(to + 10, checksum_finish(&checksum));
}
