#include "tests/attack/devices/liars.h"

#include <linux/virtio_ring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/attack/devices/victim.h"
#include "vsock/packet.h"

enum { GUEST_CID = 3, TX = 1, STORMS = 40, SLOT = 64 };

static struct vsock_packet packet_of(uint16_t op)
{
	return (struct vsock_packet){ .src_cid = GUEST_CID,
				      .dst_cid = VSOCK_HOST_CID,
				      .src_port = 5000,
				      .dst_port = 5001,
				      .type = VSOCK_TYPE_STREAM,
				      .op = op,
				      .buf_alloc = 65536 };
}

/* Sends a header of `head` bytes and `len` more; true when the chain came back or all went dead. */
static void send(struct victim *victim, const struct vsock_packet *packet, size_t head, size_t len)
{
	uint8_t bytes[VSOCK_HEADER_SIZE + 4096] = { 0 };

	vsock_packet_encode(packet, bytes);
	(void)victim_ask(victim, bytes, head + len, 0);
}

static bool lengths_that_lie(struct victim *victim)
{
	struct vsock_packet packet = packet_of(VSOCK_OP_RW);

	for (uint64_t len = 1; len <= UINT32_MAX; len *= 16) {
		packet.len = (uint32_t)len;
		send(victim, &packet, VSOCK_HEADER_SIZE, 7);
	}
	packet.len = UINT32_MAX;
	send(victim, &packet, VSOCK_HEADER_SIZE, 0);
	packet.op = VSOCK_OP_REQUEST;
	send(victim, &packet, VSOCK_HEADER_SIZE, 4096);
	for (size_t head = 1; head < VSOCK_HEADER_SIZE; head += 6)
		send(victim, &packet, head, 0);
	return true;
}

static bool operations_of_no_connection(struct victim *victim)
{
	for (uint16_t op = 0; op < 16; op++) {
		struct vsock_packet packet = packet_of(op);

		packet.flags = UINT32_MAX;
		packet.fwd_cnt = UINT32_MAX;
		send(victim, &packet, VSOCK_HEADER_SIZE, 0);
		packet.op = (uint16_t)(op << 12);
		packet.type = op;
		send(victim, &packet, VSOCK_HEADER_SIZE, 0);
	}
	return true;
}

static bool other_machines(struct victim *victim)
{
	static const uint64_t cids[] = { 0, 1, 2, 3, 4, UINT32_MAX, UINT64_MAX };

	for (size_t from = 0; from < countof(cids); from++)
		for (size_t to = 0; to < countof(cids); to++) {
			struct vsock_packet packet = packet_of(VSOCK_OP_REQUEST);

			packet.src_cid = cids[from];
			packet.dst_cid = cids[to];
			send(victim, &packet, VSOCK_HEADER_SIZE, 0);
		}
	return true;
}

/* A ring full of packets that want an answer, and no room for any. */
static bool fill(struct victim *victim, uint16_t op, uint32_t port)
{
	for (uint16_t i = 0; i < VICTIM_RING; i++) {
		struct vsock_packet packet = packet_of(op);
		uint64_t at = VICTIM_SCRATCH + (uint64_t)i * SLOT;

		packet.src_port = port + i;
		packet.buf_alloc = i % 2 == 0 ? 0 : UINT32_MAX;
		vsock_packet_encode(&packet, victim_at(victim, at));
		victim_put(victim, TX, i, (struct raw_desc){ at, VSOCK_HEADER_SIZE, 0, 0 });
		driver_ring_offer(&victim->ring[TX], i);
	}
	victim_kick(victim, TX);
	return victim_reset(victim);
}

static bool storms(struct victim *victim)
{
	bool good = true;

	for (uint32_t i = 0; good && i < STORMS; i++)
		good = fill(victim, i % 2 == 0 ? VSOCK_OP_REQUEST : VSOCK_OP_RST, i * VICTIM_RING);
	return good;
}

/* Port 1 is where the guest says that it is up; anybody in it may, as often as wanted. */
static bool knocks(struct victim *victim)
{
	for (uint32_t i = 0; i < 200; i++) {
		struct vsock_packet packet = packet_of(VSOCK_OP_REQUEST);

		packet.dst_port = 1;
		packet.src_port = i;
		send(victim, &packet, VSOCK_HEADER_SIZE, 0);
		if (i % VICTIM_RING == VICTIM_RING - 1 && !victim_reset(victim))
			return false;
	}
	return true;
}

const struct lie lies_vsock[] = {
	{ "V10", "lengths that lie", lengths_that_lie },
	{ "V10", "operations of no connection", operations_of_no_connection },
	{ "V10", "addresses of other machines", other_machines },
	{ "V10", "storms that leave no room for answers", storms },
	{ "V10", "two hundred knocks", knocks },
};

const size_t lies_vsock_count = countof(lies_vsock);
