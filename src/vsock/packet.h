/*
 * The header of every virtio-vsock packet (virtio 1.2 §5.10.6), 44 bytes,
 * little-endian. Decoded from a copy; checks that need no connection are here.
 */
#ifndef VSOCK_PACKET_H
#define VSOCK_PACKET_H

#include <stdbool.h>
#include <stdint.h>

enum {
	VSOCK_HEADER_SIZE = 44,
	VSOCK_PAYLOAD_MAX = 65536, /* bytes after one header; Linux sends no more */
	VSOCK_HOST_CID = 2,
	VSOCK_TYPE_STREAM = 1,
};

enum vsock_op {
	VSOCK_OP_REQUEST = 1,
	VSOCK_OP_RESPONSE = 2,
	VSOCK_OP_RST = 3,
	VSOCK_OP_SHUTDOWN = 4,
	VSOCK_OP_RW = 5,
	VSOCK_OP_CREDIT_UPDATE = 6,
	VSOCK_OP_CREDIT_REQUEST = 7,
};

/* Flags of VSOCK_OP_SHUTDOWN: what its sender will not do any more. */
enum vsock_shutdown {
	VSOCK_SHUTDOWN_RECEIVE = 1 << 0,
	VSOCK_SHUTDOWN_SEND = 1 << 1,
	VSOCK_SHUTDOWN_BOTH = VSOCK_SHUTDOWN_RECEIVE | VSOCK_SHUTDOWN_SEND,
};

struct vsock_packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t len; /* bytes of payload */
	uint16_t type;
	uint16_t op; /* enum vsock_op, or what the guest made up */
	uint32_t flags;
	uint32_t buf_alloc; /* the sender's buffer of this connection, bytes */
	uint32_t fwd_cnt;   /* bytes it took out of that buffer so far, modulo 2^32 */
};

void vsock_packet_encode(const struct vsock_packet *packet, uint8_t to[VSOCK_HEADER_SIZE]);
void vsock_packet_decode(const uint8_t from[VSOCK_HEADER_SIZE], struct vsock_packet *ret);

/* A stream packet whose length fits its operation: only RW carries a payload. */
bool vsock_packet_is_sound(const struct vsock_packet *packet);

#endif
