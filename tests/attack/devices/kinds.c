/* The four devices: how an honest guest finds that each works. */
#include <linux/fuse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "base/bytes.h"
#include "net/link.h"
#include "tests/attack/devices/backend.h"
#include "tests/attack/devices/victim.h"
#include "vsock/packet.h"

enum {
	SECTOR = 512,
	RX = 0, /* vsock and net: what the guest takes */
	RX_AT = VICTIM_SCRATCH + (2 << 20),
	RX_SIZE = 4096,
	ETHERNET = 14,
	ARP_LEN = 28,
};

/* ---- disk */

static bool asks_blk(struct victim *victim)
{
	const struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN, .sector = 0 };

	/* data and status in one piece */
	return victim_ask(victim, &header, sizeof(header), SECTOR + 1) == SECTOR + 1 &&
	       victim_answer(victim)[SECTOR] == VIRTIO_BLK_S_OK;
}

const struct victim_kind victim_blk = { &backend_blk, 1, 0, asks_blk };

/* ---- folder: the name of a share */

static bool asks_fs(struct victim *victim)
{
	struct {
		struct fuse_in_header header;
		struct fuse_init_in body;
	} hello = { .header = { .len = sizeof(hello), .opcode = FUSE_INIT, .unique = 1 },
		    .body = { .major = FUSE_KERNEL_VERSION, .minor = 36 } };
	struct {
		struct fuse_in_header header;
		char name[3];
	} look = { .header = { .len = sizeof(look.header) + 3,
			       .opcode = FUSE_LOOKUP,
			       .unique = 2,
			       .nodeid = FUSE_ROOT_ID },
		   .name = "rw" };
	struct fuse_out_header out;

	if (victim_ask(victim, &hello, sizeof(hello), 256) < (int64_t)sizeof(out) ||
	    victim_ask(victim, &look, sizeof(look.header) + 3, 256) < (int64_t)sizeof(out))
		return false;
	memcpy(&out, victim_answer(victim), sizeof(out));
	return out.error == 0 && out.unique == 2;
}

const struct victim_kind victim_fs = { &backend_fs, 3, 1, asks_fs };

/* ---- what the guest takes of vsock and net */

static void offer_room(struct victim *victim)
{
	const struct raw_desc room = { RX_AT, RX_SIZE, VRING_DESC_F_WRITE, 0 };

	memset(victim_at(victim, RX_AT), 0, RX_SIZE);
	victim_offer(victim, RX, &room, 1);
	victim_kick(victim, RX);
}

static const uint8_t *await_room(struct victim *victim, uint32_t *ret_len)
{
	return victim_await(victim, RX, ret_len) ? victim_at(victim, RX_AT) : NULL;
}

/* ---- channel: a request to a port that nobody serves is reset */

static bool asks_vsock(struct victim *victim)
{
	const struct vsock_packet request = { .src_cid = 3,
					      .dst_cid = VSOCK_HOST_CID,
					      .src_port = 4711,
					      .dst_port = 4712,
					      .type = VSOCK_TYPE_STREAM,
					      .op = VSOCK_OP_REQUEST,
					      .buf_alloc = 65536 };
	struct vsock_packet reply;
	uint8_t header[VSOCK_HEADER_SIZE];
	const uint8_t *room;
	uint32_t len;

	/* Resets of what was done before may come first. */
	for (int i = 0; i < 4096; i++) {
		offer_room(victim);
		vsock_packet_encode(&request, header);
		if (i == 0 && victim_ask(victim, header, sizeof(header), 0) < 0)
			return false;
		room = await_room(victim, &len);
		if (room == NULL || len < sizeof(header))
			return false;
		vsock_packet_decode(room, &reply);
		if (reply.op == VSOCK_OP_RST && reply.dst_port == 4711)
			return true;
	}
	return false;
}

const struct victim_kind victim_vsock = { &backend_vsock, 3, 1, asks_vsock };

/* ---- network: the gateway has a hardware address */

static bool asks_net(struct victim *victim)
{
	static const uint8_t head[] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	uint8_t frame[sizeof(struct virtio_net_hdr_v1) + ETHERNET + ARP_LEN] = { 0 };
	uint8_t *ethernet = frame + sizeof(struct virtio_net_hdr_v1);
	const uint8_t *room;
	uint32_t len;

	memset(ethernet, 0xff, 6);
	memcpy(ethernet + 6, LINK_GUEST_MAC, 6);
	be16_store(ethernet + 12, 0x0806);
	memcpy(ethernet + ETHERNET, head, sizeof(head));
	memcpy(ethernet + ETHERNET + 8, LINK_GUEST_MAC, 6);
	memcpy(ethernet + ETHERNET + 14, (uint8_t[]){ 192, 0, 0, 2 }, 4);
	memcpy(ethernet + ETHERNET + 24, (uint8_t[]){ 192, 0, 0, 1 }, 4);
	for (int i = 0; i < 4096; i++) {
		offer_room(victim);
		if (i == 0 && victim_ask(victim, frame, sizeof(frame), 0) < 0)
			return false;
		room = await_room(victim, &len);
		if (room == NULL)
			return false;
		ethernet = (uint8_t *)(uintptr_t)room + sizeof(struct virtio_net_hdr_v1);
		if (be16_load(ethernet + 12) == 0x0806 && ethernet[ETHERNET + 7] == 2)
			return true;
	}
	return false;
}

const struct victim_kind victim_net = { &backend_net, 2, 1, asks_net };
