#include "tests/unit/sbx-blk/blk_client.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"

enum {
	PATIENCE_MS = 60000,
	HEADER_SIZE = 16,
	QUEUE_SIZE = 128,
	RING_SPACE = 16 << 10, /* the ring, then headers and status bytes, then data */
	SLOT_SPACE = 64,
	DATA_AT = RING_SPACE + BLK_SLOTS * SLOT_SPACE,
	MEMORY = DATA_AT + BLK_SLOTS * BLK_DATA_MAX,
};

static uint64_t header_at(unsigned slot)
{
	return RING_SPACE + SLOT_SPACE * (uint64_t)slot;
}

static uint64_t data_at(unsigned slot)
{
	return DATA_AT + BLK_DATA_MAX * (uint64_t)slot;
}

static int make_memory(struct blk_client *client)
{
	client->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (client->memory_fd < 0 || ftruncate(client->memory_fd, MEMORY) < 0)
		return err_set_errno(&client->err, -errno, "no guest memory");
	return guestmem_map(&client->mem, 0, MEMORY, 0, client->memory_fd, 0);
}

static int make_ring(struct blk_client *client)
{
	bool event_idx = (client->features & 1U << VIRTIO_RING_F_EVENT_IDX) != 0;

	(void)driver_ring_init(&client->ring, &client->mem, 0, QUEUE_SIZE, event_idx);
	client->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	client->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return client->kick < 0 || client->call < 0 ? -errno : 0;
}

/* A backend that can write down what is under way shall; the second time goes on with it. */
static int track(struct blk_client *client)
{
	int r = 0;

	if (client->inflight.fd < 0)
		r = vhost_frontend_make_inflight(client->frontend, 1, QUEUE_SIZE, &client->inflight,
						 &client->err);
	if (r == -ENOTSUP)
		return 0;
	return r < 0 ? r
		     : vhost_frontend_set_inflight(client->frontend, &client->inflight,
						   &client->err);
}

static int run_queue(struct blk_client *client)
{
	const struct vhost_frontend_region region = { .size = MEMORY, .fd = client->memory_fd };
	const struct vhost_frontend_queue queue = { .size = QUEUE_SIZE,
						    .desc = client->ring.desc,
						    .avail = client->ring.avail,
						    .used = client->ring.used,
						    .kick = client->kick,
						    .call = client->call };
	int r = vhost_frontend_set_features(client->frontend, client->features, &client->err);

	if (r == 0)
		r = vhost_frontend_set_memory(client->frontend, &region, 1, &client->err);
	if (r == 0)
		r = track(client);
	return r < 0 ? r : vhost_frontend_start_queue(client->frontend, 0, &queue, &client->err);
}

static int connect_frontend(struct blk_client *client, int socket)
{
	const struct vhost_frontend_config config = { .socket = socket,
						      .name = "disk",
						      .timeout_ms = PATIENCE_MS };
	int r = vhost_frontend_create(&config, &client->frontend, &client->err);

	if (r < 0)
		(void)close(socket);
	return r;
}

int blk_client_start(struct blk_client *client, int socket)
{
	const uint64_t wanted = UINT64_C(1) << VIRTIO_F_VERSION_1 |
				UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX |
				UINT64_C(1) << VIRTIO_BLK_F_FLUSH | UINT64_C(1) << VIRTIO_BLK_F_RO |
				UINT64_C(1) << VIRTIO_BLK_F_DISCARD;
	int r;

	*client = (struct blk_client){ .memory_fd = -1, .kick = -1, .call = -1, .inflight.fd = -1 };
	r = connect_frontend(client, socket);
	if (r < 0)
		return r;
	client->features = vhost_frontend_features(client->frontend) & wanted;
	r = make_memory(client);
	if (r == 0)
		r = make_ring(client);
	return r < 0 ? r : run_queue(client);
}

int blk_client_go_on(struct blk_client *client, int socket)
{
	int r;

	vhost_frontend_destroy(client->frontend);
	client->frontend = NULL;
	r = connect_frontend(client, socket);
	return r < 0 ? r : run_queue(client);
}

void blk_client_finish(struct blk_client *client)
{
	vhost_frontend_destroy(client->frontend);
	guestmem_finish(&client->mem);
	for (size_t i = 0; i < 4; i++) {
		int fd = ((int[]){ client->memory_fd, client->kick, client->call,
				   client->inflight.fd })[i];

		if (fd >= 0)
			(void)close(fd);
	}
}

uint8_t *blk_client_data(const struct blk_client *client, unsigned slot)
{
	return guestmem_at(&client->mem, data_at(slot), BLK_DATA_MAX);
}

uint8_t blk_client_status(const struct blk_client *client, unsigned slot)
{
	return *(uint8_t *)guestmem_at(&client->mem, header_at(slot) + HEADER_SIZE, 1);
}

void blk_client_submit(struct blk_client *client, unsigned slot, uint32_t type, uint64_t sector,
		       uint32_t len)
{
	uint8_t *header = guestmem_at(&client->mem, header_at(slot), HEADER_SIZE + 1);
	const struct driver_buffer status = { header_at(slot) + HEADER_SIZE, 1 };
	struct driver_buffer buffers[] = { { header_at(slot), HEADER_SIZE },
					   { data_at(slot), len },
					   status };
	bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	uint16_t head = (uint16_t)(3 * slot);

	le32_store(header, type);
	le32_store(header + 4, 0);
	le64_store(header + 8, sector);
	header[HEADER_SIZE] = 0xff;
	if (len == 0)
		buffers[1] = status;
	driver_ring_chain(&client->ring, client->ring.desc, head, buffers,
			  reads || len == 0 ? 1 : 2, len == 0 ? 2 : 3);
	driver_ring_offer(&client->ring, head);
}

void blk_client_kick(struct blk_client *client)
{
	if (driver_ring_needs_kick(&client->ring))
		(void)eventfd_write(client->kick, 1);
}

int blk_client_complete(struct blk_client *client)
{
	struct driver_ring *ring = &client->ring;
	uint64_t deadline = 0;
	uint32_t head, written;
	eventfd_t count;

	while (!driver_ring_take(ring, &head, &written)) {
		struct pollfd wait = { .fd = client->call, .events = POLLIN };

		if (deadline == 0)
			deadline = clock_now_ms() + PATIENCE_MS;
		driver_ring_want_interrupt(ring,
					   (uint16_t)(ring->avail_index - 1 - ring->used_seen));
		if (driver_ring_take(ring, &head, &written))
			break;
		if (poll(&wait, 1, clock_left_ms(deadline)) <= 0)
			return BLK_LOST;
		(void)eventfd_read(client->call, &count);
	}
	return (int)head / 3;
}

int blk_client_do(struct blk_client *client, uint32_t type, uint64_t sector, uint32_t len)
{
	blk_client_submit(client, 0, type, sector, len);
	blk_client_kick(client);
	return blk_client_complete(client) == 0 ? blk_client_status(client, 0) : BLK_LOST;
}

int blk_client_take(struct blk_client *client)
{
	uint32_t head, written;

	return driver_ring_take(&client->ring, &head, &written) ? (int)head / 3 : BLK_LOST;
}

uint64_t blk_client_capacity(struct blk_client *client)
{
	uint8_t sectors[8];
	int r = vhost_frontend_read_config(client->frontend, 0, sectors, sizeof(sectors),
					   &client->err);

	return r < 0 ? 0 : le64_load(sectors);
}
