#include "vsock/packet.h"

#include "base/bytes.h"

void vsock_packet_encode(const struct vsock_packet *packet, uint8_t to[VSOCK_HEADER_SIZE])
{
	le64_store(to, packet->src_cid);
	le64_store(to + 8, packet->dst_cid);
	le32_store(to + 16, packet->src_port);
	le32_store(to + 20, packet->dst_port);
	le32_store(to + 24, packet->len);
	le16_store(to + 28, packet->type);
	le16_store(to + 30, packet->op);
	le32_store(to + 32, packet->flags);
	le32_store(to + 36, packet->buf_alloc);
	le32_store(to + 40, packet->fwd_cnt);
}

void vsock_packet_decode(const uint8_t from[VSOCK_HEADER_SIZE], struct vsock_packet *ret)
{
	*ret = (struct vsock_packet){
		.src_cid = le64_load(from),
		.dst_cid = le64_load(from + 8),
		.src_port = le32_load(from + 16),
		.dst_port = le32_load(from + 20),
		.len = le32_load(from + 24),
		.type = le16_load(from + 28),
		.op = le16_load(from + 30),
		.flags = le32_load(from + 32),
		.buf_alloc = le32_load(from + 36),
		.fwd_cnt = le32_load(from + 40),
	};
}

bool vsock_packet_is_sound(const struct vsock_packet *packet)
{
	if (packet->type != VSOCK_TYPE_STREAM)
		return false;
	return packet->op == VSOCK_OP_RW ? packet->len <= VSOCK_PAYLOAD_MAX : packet->len == 0;
}
