#include "sbx-vmm/local.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/err.h"
#include "vm/guestmem.h"

static struct local *local_of(struct device *device)
{
	return container_of(device, struct local, device);
}

/* Serves what waits, a batch at most; true when more may wait. */
static bool serve_batch(struct local *local, unsigned index)
{
	struct virtq *ring = &local->queue[index].ring;

	for (int i = 0; i < LOCAL_BATCH; i++) {
		int r = virtq_pop(ring, &local->chain);

		if (r < 0) {
			log_error("%s: the guest %s", local->impl->name, ring->broken);
			device_fail(&local->device);
		}
		if (r <= 0)
			return false;
		virtq_push(ring, local->chain.head,
			   local->impl->serve(local, index, &local->chain));
	}
	return true;
}

static void queue_kicked(struct loop_watch *watch, uint32_t events)
{
	struct local_queue *queue = container_of(watch, struct local_queue, kicked);
	struct local *local = queue->local;
	uint64_t count, one = 1;
	bool more;

	(void)events;
	(void)!read(watch->fd, &count, sizeof(count));
	if (virtq_is_broken(&queue->ring))
		return;
	more = serve_batch(local, (unsigned)(queue - local->queue));
	if (virtq_wants_interrupt(&queue->ring))
		device_interrupt(&local->device);
	if (more)
		(void)!write(watch->fd, &one, sizeof(one));
}

static int start_queue(struct local *local, unsigned index, const struct virtio_mmio_queue *setup)
{
	const struct virtio_mmio_config *registers = &local->device.mmio.config;
	struct local_queue *queue = &local->queue[index];
	uint64_t size = setup->size;
	struct virtq_config config = {
		.mem = registers->mem,
		.size = setup->size,
		.desc = guestmem_at(registers->mem, setup->desc, size * 16),
		.avail = guestmem_at(registers->mem, setup->avail, size * 2 + 6),
		.used = guestmem_at(registers->mem, setup->used, size * 8 + 6),
	};

	virtq_init(&queue->ring, &config);
	return loop_add(local->loop, &queue->kicked, local->device.kick[index], EPOLLIN,
			queue_kicked);
}

static int local_start(struct device *device, const struct device_setup *setup, struct err *err)
{
	struct local *local = local_of(device);

	for (unsigned i = 0; i < LOCAL_QUEUES_MAX; i++) {
		int r = setup->queue[i].ready ? start_queue(local, i, &setup->queue[i]) : 0;

		if (r < 0)
			return err_set_errno(err, r, "cannot watch queue %u", i);
	}
	return 0;
}

static void local_stop(struct device *device)
{
	struct local *local = local_of(device);

	for (unsigned i = 0; i < LOCAL_QUEUES_MAX; i++)
		loop_remove(&local->queue[i].kicked);
}

static void local_config_written(struct device *device)
{
	struct local *local = local_of(device);

	if (local->impl->config_written != NULL)
		local->impl->config_written(local);
}

static void local_destroy(struct device *device)
{
	struct local *local = local_of(device);

	device_finish(device);
	local->impl->free(local);
}

static const struct device_impl local_device_impl = {
	.start = local_start,
	.stop = local_stop,
	.config_written = local_config_written,
	.destroy = local_destroy,
};

int local_init(struct local *local, const struct local_impl *impl, const struct guestmem *mem,
	       struct loop *loop, struct err *err)
{
	struct virtio_mmio_config registers = impl->registers;

	registers.mem = mem;
	registers.queue_size = LOCAL_QUEUE_SIZE;
	local->impl = impl;
	local->loop = loop;
	for (unsigned i = 0; i < LOCAL_QUEUES_MAX; i++) {
		local->queue[i].local = local;
		local->queue[i].kicked.fd = -1;
	}
	return device_init(&local->device, &local_device_impl, impl->name, &registers, err);
}
