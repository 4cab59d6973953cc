/*
 * A chain lives in a slot from virtq_pop() to virtq_push(). Slots are few and
 * allocated at the start: a guest with more requests under way waits. The last
 * slot freed is the next one used, so that a disk whose requests are all
 * answered from memory works in one warm slot.
 */
#include "sbx-blk/device.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>

#include "app/log.h"
#include "base/check.h"
#include "base/err.h"
#include "base/loop.h"
#include "block/crew.h"
#include "block/disk.h"
#include "block/request.h"
#include "vhost/backend.h"
#include "virtio/queue.h"

enum {
	SLOTS = 32, /* requests of one disk under way */
	/*
	 * Bytes from which on copying a request takes longer than an interrupt: it is signalled
	 * alone, so that the guest works on it while we copy the next.
	 */
	LARGE_BYTES = 128 << 10,
	EARLY_BYTES = 64 << 10, /* see begin_flush() */
	EARLY_WRITES = 8,
};

struct range {
	uint64_t offset, len; /* bytes */
};

struct slot {
	struct work work;
	struct device *device; /* weak, its owner */
	struct slot *next;     /* free ones */
	struct block_request request;
	struct virtq_chain chain;
};

struct device {
	struct loop *loop;	       /* weak */
	struct crew *crew;	       /* weak */
	struct vhost_backend *backend; /* owned */
	struct vhost_device_impl impl; /* device_impl with the features of this disk */
	struct disk disk;
	bool is_failing;		  /* the host's disk; said once */
	unsigned busy;			  /* slots with the crew */
	bool is_stopping;		  /* nothing new is begun */
	uint64_t written;		  /* bytes since the last flush began */
	struct range early[EARLY_WRITES]; /* of them, those to begin to store at once */
	unsigned early_count;
	struct slot *free; /* first free slot */
	struct slot slot[SLOTS];
};

static void put_slot(struct slot *slot)
{
	slot->next = slot->device->free;
	slot->device->free = slot;
}

/* The guest hears only that it failed. */
static void tell_error(struct device *device, const struct block_request *request)
{
	if (request->status != VIRTIO_BLK_S_IOERR || request->error == 0 || device->is_failing)
		return;
	device->is_failing = true;
	log_warning("disk %.*s: the host cannot read or write its image: %s", DISK_ID_SIZE,
		    device->disk.id, strerror(-request->error));
}

static void push(struct slot *slot, struct virtq *queue)
{
	virtq_push(queue, slot->chain.head, block_request_finish(&slot->request));
	tell_error(slot->device, &slot->request);
	if (slot->request.data_size >= LARGE_BYTES)
		vhost_backend_signal(slot->device->backend, 0);
	put_slot(slot);
}

static void run(struct work *work)
{
	block_request_run(&container_of(work, struct slot, work)->request);
}

/* Back from the crew: answers, and takes what was left waiting for a slot. */
static void done(struct work *work)
{
	struct slot *slot = container_of(work, struct slot, work);
	struct device *device = slot->device;
	struct virtq *queue = vhost_backend_queue(device->backend, 0);
	bool was_full = device->free == NULL;

	device->busy--;
	if (queue == NULL) {
		put_slot(slot);
		return;
	}
	push(slot, queue);
	vhost_backend_signal(device->backend, 0);
	if (was_full && !device->is_stopping)
		vhost_backend_resume(device->backend, 0);
}

/*
 * What a driver writes first after a flush is most often what it flushes next: a
 * journal's commit. So the host begins to store that much at once, while the driver is
 * still busy with the answer, and the flush finds it done. What is written beyond
 * it has the host's own time, as everything has that nobody flushes.
 */
static void note_write(struct device *device, const struct block_request *request)
{
	struct range range = { request->offset, request->data_size };

	if (request->type != VIRTIO_BLK_T_OUT)
		return;
	device->written += range.len;
	if (device->written <= EARLY_BYTES && device->early_count < EARLY_WRITES)
		device->early[device->early_count++] = range;
}

/* Not beside works: with its disk busy the host might let us wait, and with us all disks. */
static void begin_flush(struct device *device)
{
	if (device->early_count == 0)
		return;
	vhost_backend_signal(device->backend, 0);
	for (unsigned i = 0; i < device->early_count && !crew_is_busy(device->crew); i++)
		disk_begin_flush(&device->disk, device->early[i].offset, device->early[i].len);
	device->early_count = 0;
}

static void serve(struct slot *slot, struct virtq *queue)
{
	struct device *device = slot->device;
	struct virtq_chain *chain = &slot->chain;

	if (block_request_parse(&slot->request, &device->disk, chain->vec, chain->readable,
				chain->count) < 0) {
		virtq_push(queue, chain->head, 0);
		put_slot(slot);
	} else if (block_request_try(&slot->request)) {
		note_write(device, &slot->request);
		push(slot, queue);
	} else {
		device->busy++;
		if (slot->request.type == VIRTIO_BLK_T_FLUSH)
			device->written = 0;
		crew_submit(device->crew, &slot->work);
	}
}

/* A queue's worth of chains; more that came meanwhile wait for the next call. */
static void kicked(void *data, unsigned index, struct virtq *queue)
{
	struct device *device = data;

	(void)index;
	for (unsigned i = 0; i < queue->config.size && device->free != NULL; i++) {
		struct slot *slot = device->free;

		if (virtq_pop(queue, &slot->chain) != 1)
			break;
		device->free = slot->next;
		serve(slot, queue);
	}
	begin_flush(device);
}

/* Nobody must touch guest memory any more. A guest that goes on asking waits. */
static void queue_stopped(void *data, unsigned index)
{
	struct device *device = data;

	(void)index;
	device->is_stopping = true;
	while (device->busy > 0)
		crew_wait(device->crew);
	device->is_stopping = false;
}

static void negotiated(void *data, uint64_t features)
{
	struct device *device = data;

	block_negotiated(&device->disk, features);
}

static void broken(void *data, unsigned index, const char *rule)
{
	struct device *device = data;

	(void)index;
	log_warning("disk %.*s: the guest broke its queue: %s", DISK_ID_SIZE, device->disk.id,
		    rule);
}

static void closed(void *data, const char *why)
{
	struct device *device = data;

	log_info("disk %.*s: %s", DISK_ID_SIZE, device->disk.id, why);
	loop_stop(device->loop);
}

static void config_read(void *data, uint8_t *config)
{
	const struct device *device = data;

	block_config(&device->disk, config);
}

static const struct vhost_device_impl device_impl = {
	.queues = 1,
	.resumes = true,
	.config_size = BLOCK_CONFIG_SIZE,
	.config_read = config_read,
	.negotiated = negotiated,
	.queue_stopped = queue_stopped,
	.kicked = kicked,
	.broken = broken,
	.closed = closed,
};

int device_create(const struct device_config *config, struct device **ret, struct err *err)
{
	struct device *device = calloc(1, sizeof(*device));
	int r;

	if (device == NULL)
		return err_set(err, -ENOMEM, "no memory for disk %s", config->id);
	device->loop = config->loop;
	device->crew = config->crew;
	device->impl = device_impl;
	for (unsigned i = 0; i < SLOTS; i++) {
		device->slot[i].device = device;
		device->slot[i].work = (struct work){ .run = run, .done = done };
		put_slot(&device->slot[i]);
	}
	r = disk_open(&device->disk, config->image, config->read_only, config->id, err);
	if (r < 0) {
		free(device);
		return r;
	}
	device->impl.features = block_features(&device->disk);
	r = vhost_backend_create(config->loop, config->socket, &device->impl, device,
				 &device->backend);
	if (r < 0) {
		free(device);
		return err_set_errno(err, r, "no vhost-user socket for disk %s", config->id);
	}
	*ret = device;
	return 0;
}

void device_destroy(struct device *device)
{
	if (device == NULL)
		return;
	vhost_backend_destroy(device->backend);
	disk_finish(&device->disk);
	free(device);
}

void device_grow(struct device *device)
{
	int r;

	if (!disk_grow(&device->disk))
		return;
	r = vhost_backend_config_changed(device->backend);
	log_info("disk %.*s: has %llu bytes now%s", DISK_ID_SIZE, device->disk.id,
		 (unsigned long long)device->disk.size,
		 r < 0 ? ", the guest sees them at its next start" : "");
}
