/*
 * The four devices: what each is given beside its vhost-user socket, and how an honest guest
 * finds that it works.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "jail/confine.h"
#include "net/link.h"
#include "tests/attack/devices/victim.h"
#include "vsock/packet.h"

enum {
	SECTORS = 2048,
	SECTOR = 512,
	RX = 0, /* vsock and net: what the guest takes */
	RX_AT = VICTIM_SCRATCH + (2 << 20),
	RX_SIZE = 4096,
	ETHERNET = 14,
	ARP_LEN = 28,
};

static void path_of(const struct victim *victim, const char *name, char ret[96])
{
	(void)snprintf(ret, 96, "%s/%s", victim->folder, name);
}

static int put(const struct victim *victim, const char *name, const void *bytes, size_t len)
{
	char path[96];
	autoclose int fd = -1;

	path_of(victim, name, path);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return fd_write_full(fd, bytes, len) < 0 ? -EIO : take_fd(&fd);
}

/* What is there for any kind: the thing that nobody may touch. */
static int put_secret(const struct victim *victim)
{
	int fd = put(victim, "secret", "secret", 6);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? fd : 0;
}

/* ---- disk: one image, "disk " in its first sector */

static int prepare_blk(struct victim *victim, char *words[8], int fds[8])
{
	int r = put_secret(victim);

	words[0] = (char *)"sbx-blk";
	words[1] = (char *)"rw";
	fds[0] = put(victim, "image", "disk ", 5);
	if (r < 0 || fds[0] < 0 || ftruncate(fds[0], SECTORS * SECTOR) < 0)
		return -EIO;
	return 1;
}

static bool asks_blk(struct victim *victim)
{
	const struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN, .sector = 0 };

	/* data and status in one piece */
	return victim_ask(victim, &header, sizeof(header), SECTOR + 1) == SECTOR + 1 &&
	       victim_answer(victim)[SECTOR] == VIRTIO_BLK_S_OK;
}

const struct victim_kind victim_blk = { "sbx-blk", 1, 0, prepare_blk, asks_blk };

/* ---- folder: share/{file,ro/}, read and written; the same read-only */

static int open_share(const struct victim *victim, bool read_only)
{
	autoclose int plain = -1;
	char path[96];
	int fd = -1, r;

	path_of(victim, "share", path);
	plain = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (plain < 0)
		return -errno;
	r = jail_confine(plain, read_only, &fd);
	return r < 0 ? r : fd;
}

static int listen_in(const struct victim *victim)
{
	char path[96];
	int fd, r;

	path_of(victim, "socket", path);
	r = fd_listen_unix(path, &fd);
	return r < 0 ? r : fd;
}

static int prepare_fs(struct victim *victim, char *words[8], int fds[8])
{
	char path[96];
	int file, r = put_secret(victim);

	path_of(victim, "share", path);
	if (r < 0 || mkdir(path, 0700) < 0)
		return -EIO;
	file = put(victim, "share/file", "text", 4);
	if (file < 0)
		return file;
	(void)close(file);
	words[0] = (char *)"sbx-fs";
	words[1] = (char *)"rw:rw";
	words[2] = (char *)"ro:ro";
	fds[0] = listen_in(victim);
	fds[1] = open_share(victim, false);
	fds[2] = open_share(victim, true);
	return fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0 ? 3 : -EIO;
}

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

const struct victim_kind victim_fs = { "sbx-fs", 3, 1, prepare_fs, asks_fs };

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

static int prepare_vsock(struct victim *victim, char *words[8], int fds[8])
{
	int r = put_secret(victim);

	words[0] = (char *)"sbx-vsock";
	words[1] = (char *)"3";
	fds[0] = listen_in(victim);
	return r < 0 || fds[0] < 0 ? -EIO : 1;
}

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

const struct victim_kind victim_vsock = { "sbx-vsock", 3, 1, prepare_vsock, asks_vsock };

/* ---- network: the gateway has a hardware address */

static int prepare_net(struct victim *victim, char *words[8], int fds[8])
{
	int proxy[2], r = put_secret(victim);

	words[0] = (char *)"sbx-net";
	fds[0] = listen_in(victim);
	if (r < 0 || fds[0] < 0 || fd_socketpair(proxy) < 0)
		return -EIO;
	fds[1] = proxy[1];
	/* The other end stays open for as long as this test runs: the program ends with it. */
	return 2;
}

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

const struct victim_kind victim_net = { "sbx-net", 2, 1, prepare_net, asks_net };
