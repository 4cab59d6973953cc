/* An honest driver's request to each kind of device. */
#include <linux/fuse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <linux/virtio_vsock.h>

#include "tests/attack/machine/guest/board.h"
#include "tests/attack/machine/guest/driver.h"

enum {
	SECTOR = 512,
	ENTROPY = 64,
	HONEST_ANSWER = DRIVER_HONEST + 0x1000,
	HONEST_ROOM = 0x2000,
	HONEST_PAGE = 0x700000, /* nobody's, for the balloon */
	FOLDERS_REQUESTS = 1,	/* queues */
	INCOMING = 0,
	OUTGOING = 1,
	INCOMING_MAX = 4096,
	HOST_CID = 2,
	GUEST_CID = 3,
	GUEST_PORT = 4711,
	HOST_PORT = 4712,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

/* The only one that a sandbox may have (net/link.h). */
#define GUEST_MAC                                  \
	{                                          \
		0x02, 0x73, 0x62, 0x78, 0x00, 0x02 \
	}

static uint32_t ask(struct driver *driver, unsigned queue)
{
	uint32_t written;

	driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
	while (!driver_take(driver, queue, &written))
		relax();
	return written;
}

static bool asks_disk(struct driver *driver)
{
	const uint64_t header = DRIVER_HONEST, answer = HONEST_ANSWER;

	write32(header, VIRTIO_BLK_T_IN);
	write32(header + 4, 0);
	write_wide(header + 8, 8, 0);
	write32(answer, 0);
	write_wide(answer + SECTOR, 1, 0xff);
	driver_put(driver, 0, 0, (struct raw){ header, 16, VRING_DESC_F_NEXT, 1 });
	driver_put(driver, 0, 1, (struct raw){ answer, SECTOR + 1, VRING_DESC_F_WRITE, 0 });
	return ask(driver, 0) == SECTOR + 1 && read_wide(answer + SECTOR, 1) == VIRTIO_BLK_S_OK &&
	       read32(answer) == 0x6b736964; /* "disk" */
}

static bool asks_entropy(struct driver *driver)
{
	uint64_t seen = 0;

	for (uint64_t i = 0; i < ENTROPY; i += 8)
		write_wide(HONEST_ANSWER + i, 8, 0);
	driver_put(driver, 0, 0, (struct raw){ HONEST_ANSWER, ENTROPY, VRING_DESC_F_WRITE, 0 });
	if (ask(driver, 0) != ENTROPY)
		return false;
	for (uint64_t i = 0; i < ENTROPY; i += 8)
		seen |= read_wide(HONEST_ANSWER + i, 8);
	return seen != 0;
}

/* A page into the balloon, which then reads as zero, out again, and one reported as free. */
static bool asks_balloon(struct driver *driver)
{
	write_wide(HONEST_PAGE, 8, ~0ull);
	write32(DRIVER_HONEST, HONEST_PAGE >> 12);
	for (unsigned queue = 0; queue < 2; queue++) {
		driver_put(driver, queue, 0, (struct raw){ DRIVER_HONEST, 4, 0, 0 });
		(void)ask(driver, queue);
	}
	if (read_wide(HONEST_PAGE, 8) != 0)
		return false;
	write_wide(HONEST_PAGE, 8, ~0ull);
	driver_put(driver, 2, 0, (struct raw){ HONEST_PAGE, 0x1000, VRING_DESC_F_WRITE, 0 });
	(void)ask(driver, 2);
	return read_wide(HONEST_PAGE, 8) == 0;
}

/* ---- folders: a greeting, and the name of a share */

static uint32_t ask_folders(struct driver *driver, const void *request, uint32_t len)
{
	memcpy(at(DRIVER_HONEST), request, len);
	driver_put(driver, FOLDERS_REQUESTS, 0,
		   (struct raw){ DRIVER_HONEST, len, VRING_DESC_F_NEXT, 1 });
	driver_put(driver, FOLDERS_REQUESTS, 1,
		   (struct raw){ HONEST_ANSWER, HONEST_ROOM, VRING_DESC_F_WRITE, 0 });
	return ask(driver, FOLDERS_REQUESTS);
}

static bool asks_folders(struct driver *driver)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_init_in body;
	} hello = { .header = { .len = sizeof(hello), .opcode = FUSE_INIT, .unique = 1 },
		    .body = { .major = FUSE_KERNEL_VERSION, .minor = 36 } };
	const struct {
		struct fuse_in_header header;
		char name[8];
	} look = { .header = { .len = sizeof(look.header) + sizeof("rw"),
			       .opcode = FUSE_LOOKUP,
			       .unique = 2,
			       .nodeid = FUSE_ROOT_ID },
		   .name = "rw" };
	const struct fuse_out_header *out = at(HONEST_ANSWER);

	return ask_folders(driver, &hello, hello.header.len) >= sizeof(*out) && out->error == 0 &&
	       ask_folders(driver, &look, look.header.len) >= sizeof(*out) && out->error == 0 &&
	       out->unique == 2;
}

/* ---- channel and network: what comes in lies in HONEST_ANSWER */

static void give_room(struct driver *driver)
{
	clear(HONEST_ANSWER, HONEST_ROOM);
	driver_put(driver, INCOMING, 0,
		   (struct raw){ HONEST_ANSWER, HONEST_ROOM, VRING_DESC_F_WRITE, 0 });
	driver_offer(driver, INCOMING, 0);
	driver_kick(driver, INCOMING);
}

/* Says it, and looks at what comes in until that is the answer. What came before is none. */
static bool tell(struct driver *driver, const void *words, uint32_t len, bool (*is_answer)(void))
{
	uint32_t written;

	memcpy(at(DRIVER_HONEST), words, len);
	driver_put(driver, OUTGOING, 0, (struct raw){ DRIVER_HONEST, len, 0, 0 });
	give_room(driver);
	(void)ask(driver, OUTGOING);
	for (unsigned i = 0; i < INCOMING_MAX; i++) {
		while (!driver_take(driver, INCOMING, &written))
			relax();
		if (is_answer())
			return true;
		give_room(driver);
	}
	return false;
}

static bool is_reset(void)
{
	const struct virtio_vsock_hdr *packet = at(HONEST_ANSWER);

	return packet->op == VIRTIO_VSOCK_OP_RST && packet->dst_port == GUEST_PORT;
}

/* A port that nobody serves. */
static bool asks_channel(struct driver *driver)
{
	const struct virtio_vsock_hdr request = { .src_cid = GUEST_CID,
						  .dst_cid = HOST_CID,
						  .src_port = GUEST_PORT,
						  .dst_port = HOST_PORT,
						  .type = VIRTIO_VSOCK_TYPE_STREAM,
						  .op = VIRTIO_VSOCK_OP_REQUEST,
						  .buf_alloc = 65536 };

	return tell(driver, &request, sizeof(request), is_reset);
}

/* A frame of ARP behind the header of a virtio packet; in network byte order. */
struct arp_frame {
	struct virtio_net_hdr_v1 virtio;
	uint8_t to[6], from[6], type[2];
	uint8_t kinds[7], operation; /* hardware and protocol */
	uint8_t sender_mac[6], sender[4], target_mac[6], target[4];
} __attribute__((packed));

static bool is_arp_reply(void)
{
	const struct arp_frame *frame = at(HONEST_ANSWER);

	return frame->type[0] == 8 && frame->type[1] == 6 && frame->operation == ARP_REPLY;
}

/* Who is the gateway? */
static bool asks_network(struct driver *driver)
{
	const struct arp_frame frame = { .to = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
					 .from = GUEST_MAC,
					 .type = { 8, 6 },
					 .kinds = { 0, 1, 8, 0, 6, 4, 0 },
					 .operation = ARP_REQUEST,
					 .sender_mac = GUEST_MAC,
					 .sender = { 192, 0, 0, 2 },
					 .target = { 192, 0, 0, 1 } };

	return tell(driver, &frame, sizeof(frame), is_arp_reply);
}

bool driver_asks(struct driver *driver)
{
	static const struct {
		unsigned id;
		bool (*asks)(struct driver *driver);
	} kinds[] = {
		{ VIRTIO_ID_BLOCK, asks_disk },	   { VIRTIO_ID_FS, asks_folders },
		{ VIRTIO_ID_VSOCK, asks_channel }, { VIRTIO_ID_NET, asks_network },
		{ VIRTIO_ID_RNG, asks_entropy },   { VIRTIO_ID_BALLOON, asks_balloon },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].id == driver->id)
			return kinds[i].asks(driver);
	return false;
}
