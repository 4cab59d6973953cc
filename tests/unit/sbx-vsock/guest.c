#include "tests/unit/sbx-vsock/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/file.h"
#include "vhost/frontend.h"

enum {
	MEMORY = 4 << 20,
	RING_SIZE = 64,
	RX_DATA = 1 << 20, /* RING_SIZE rooms */
	TX_DATA = 2 << 20,
	TX_SLOTS = 8, /* packets on the way at most */
	TX_SLOT_SIZE = 128 * 1024,
	RX = 0,
	TX = 1,
};

static int spawn_server(struct guest *guest, int vhost, int *ret_listen)
{
	char *argv[] = { (char *)"sbx-vsock", (char *)"7", NULL };
	char path[128];
	int fds[2];
	int r;

	(void)snprintf(guest->folder, sizeof(guest->folder), "/tmp/sbx-vsock-XXXXXX");
	if (mkdtemp(guest->folder) == NULL)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/socket", guest->folder);
	r = fd_listen_unix(path, ret_listen);
	if (r < 0)
		return r;
	fds[0] = vhost;
	fds[1] = *ret_listen;
	r = jail_spawn(&(struct spawn_config){ .program = getenv("SBX_VSOCK"),
					       .argv = argv,
					       .fds = fds,
					       .fds_count = countof(fds),
					       .stdout_fd = STDERR_FILENO },
		       &guest->child, &guest->err);
	return r == 0 ? jail_spawn_release(&guest->child, &guest->err) : r;
}

static int share_memory(struct guest *guest)
{
	struct vhost_frontend_region region = { .size = MEMORY };
	int r;

	guest->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (guest->memory_fd < 0 || ftruncate(guest->memory_fd, MEMORY) < 0)
		return -errno;
	r = guestmem_map(&guest->mem, 0, MEMORY, 0, guest->memory_fd, 0);
	region.fd = guest->memory_fd;
	return r == 0 ? vhost_frontend_set_memory(guest->frontend, &region, 1, &guest->err) : r;
}

static int start_queue(struct guest *guest, unsigned index)
{
	const struct driver_ring *ring = &guest->ring[index];

	guest->kick[index] = eventfd(0, EFD_CLOEXEC);
	guest->call[index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return vhost_frontend_start_queue(
		guest->frontend, index,
		&(struct vhost_frontend_queue){ .size = ring->size,
						.desc = ring->desc,
						.avail = ring->avail,
						.used = ring->used,
						.kick = guest->kick[index],
						.call = guest->call[index] },
		&guest->err);
}

static void offer_room(struct guest *guest, uint32_t index)
{
	const struct driver_buffer room = { .gpa = RX_DATA + (uint64_t)index * GUEST_ROOM_SIZE,
					    .len = GUEST_ROOM_SIZE };
	struct driver_ring *ring = &guest->ring[RX];

	driver_ring_chain(ring, ring->desc, (uint16_t)index, &room, 0, 1);
	driver_ring_offer(ring, (uint16_t)index);
	driver_ring_want_interrupt(ring, 0);
	if (driver_ring_needs_kick(ring))
		(void)eventfd_write(guest->kick[RX], 1);
}

static int start_driver(struct guest *guest, int socket)
{
	const struct vhost_frontend_config config = { .socket = socket,
						      .name = "vsock",
						      .timeout_ms = GUEST_WAIT_MS };
	uint64_t features = UINT64_C(1) << VIRTIO_F_VERSION_1, gpa = 0;
	int r = vhost_frontend_create(&config, &guest->frontend, &guest->err);

	if (r == 0)
		r = vhost_frontend_set_features(guest->frontend, features, &guest->err);
	if (r == 0)
		r = share_memory(guest);
	for (unsigned i = 0; r == 0 && i < GUEST_QUEUES; i++) {
		gpa = driver_ring_init(&guest->ring[i], &guest->mem, gpa, RING_SIZE, false);
		r = start_queue(guest, i);
	}
	for (uint32_t i = 0; r == 0 && i < RING_SIZE; i++)
		offer_room(guest, i);
	return r;
}

int guest_start(struct guest *guest)
{
	autoclose int listener = -1, far = -1;
	int pair[2], r;

	*guest = (struct guest){ .child = { .pidfd = -1, .gate = -1 },
				 .memory_fd = -1,
				 .held = UINT32_MAX,
				 .err = ERR_INIT };
	r = fd_socketpair(pair);
	if (r < 0)
		return r;
	far = pair[1];
	r = spawn_server(guest, far, &listener);
	(void)close(take_fd(&far));
	if (r == 0)
		r = start_driver(guest, pair[0]);
	if (r < 0)
		printf("# guest: %s\n", guest->err.text);
	return r;
}

bool guest_stop(struct guest *guest)
{
	struct pollfd ended = { .fd = guest->child.pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	bool well;

	vhost_frontend_destroy(guest->frontend);
	well = poll(&ended, 1, GUEST_WAIT_MS) == 1 &&
	       waitid(P_PIDFD, (id_t)guest->child.pidfd, &info, WEXITED) == 0 &&
	       info.si_code == CLD_EXITED && info.si_status == 0;
	if (!well)
		printf("# sbx-vsock ended with code %d status %d\n", info.si_code, info.si_status);
	spawned_finish(&guest->child);
	guestmem_finish(&guest->mem);
	for (unsigned i = 0; i < GUEST_QUEUES; i++) {
		(void)close(guest->kick[i]);
		(void)close(guest->call[i]);
	}
	(void)close(guest->memory_fd);
	(void)file_remove_tree(AT_FDCWD, guest->folder);
	return well;
}

int guest_ask(const struct guest *guest, const void *ask, size_t len)
{
	char path[128];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/socket", guest->folder);
	r = fd_connect_unix(path, &fd);
	if (r == 0)
		r = fd_write_full(fd, ask, len);
	return r < 0 ? r : fd;
}

static bool wait_call(const struct guest *guest)
{
	struct pollfd call = { .fd = guest->call[RX], .events = POLLIN };
	eventfd_t count;

	if (poll(&call, 1, GUEST_WAIT_MS) != 1)
		return false;
	return eventfd_read(guest->call[RX], &count) == 0;
}

bool guest_next(struct guest *guest)
{
	uint32_t head, written;
	const uint8_t *room;

	if (guest->held != UINT32_MAX)
		offer_room(guest, guest->held);
	guest->held = UINT32_MAX;
	while (!driver_ring_take(&guest->ring[RX], &head, &written)) {
		if (!wait_call(guest))
			return false;
	}
	if (head >= RING_SIZE || written < VSOCK_HEADER_SIZE || written > GUEST_ROOM_SIZE)
		return false;
	room = guestmem_at(&guest->mem, RX_DATA + (uint64_t)head * GUEST_ROOM_SIZE,
			   GUEST_ROOM_SIZE);
	vsock_packet_decode(room, &guest->packet);
	guest->payload = room + VSOCK_HEADER_SIZE;
	guest->held = head;
	return written == VSOCK_HEADER_SIZE + guest->packet.len;
}

void guest_send(struct guest *guest, const struct vsock_packet *packet, const void *payload,
		size_t len)
{
	struct driver_ring *ring = &guest->ring[TX];
	unsigned slot = guest->tx_next++ % TX_SLOTS;
	const uint64_t gpa = TX_DATA + (uint64_t)slot * TX_SLOT_SIZE;
	const struct driver_buffer parts[] = { { gpa, VSOCK_HEADER_SIZE },
					       { gpa + VSOCK_HEADER_SIZE, (uint32_t)len } };
	uint8_t header[VSOCK_HEADER_SIZE];
	uint32_t head, written;

	/* The slot is free once the packet before it was taken. */
	while ((uint16_t)(guest->tx_next - ring->used_seen) > TX_SLOTS)
		(void)driver_ring_take(ring, &head, &written);
	vsock_packet_encode(packet, header);
	(void)guestmem_write(&guest->mem, gpa, header, sizeof(header));
	if (len > 0)
		(void)guestmem_write(&guest->mem, gpa + sizeof(header), payload, len);
	driver_ring_chain(ring, ring->desc, (uint16_t)(slot * 2), parts, len > 0 ? 2 : 1,
			  len > 0 ? 2 : 1);
	driver_ring_offer(ring, (uint16_t)(slot * 2));
	if (driver_ring_needs_kick(ring))
		(void)eventfd_write(guest->kick[TX], 1);
}

void guest_answer(struct guest *guest, enum vsock_op op, uint32_t flags, const void *payload,
		  size_t len)
{
	const struct vsock_packet packet = {
		.src_cid = GUEST_CID,
		.dst_cid = VSOCK_HOST_CID,
		.src_port = guest->packet.dst_port,
		.dst_port = guest->packet.src_port,
		.len = (uint32_t)len,
		.type = VSOCK_TYPE_STREAM,
		.op = (uint16_t)op,
		.flags = flags,
		.buf_alloc = 1 << 20,
	};

	guest_send(guest, &packet, payload, len);
}
