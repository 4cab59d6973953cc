#include "net/packet.h"

#include "net/checksum.h"
#include "net/stack.h"

bool packet_is_sound(const struct packet *packet, const void *header, size_t header_len)
{
	struct checksum checksum = { 0 };

	if (packet->offload->checksum)
		return packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP;
	if (packet->protocol != PROTOCOL_ICMP)
		checksum_add_pseudo(&checksum, &packet->from, &packet->to, packet->protocol,
				    header_len + packet->body.left);
	checksum_add(&checksum, header, header_len);
	checksum_add_iov(&checksum, &packet->body, packet->body.left);
	return checksum_finish(&checksum) == 0;
}
