#include "sbx-fs/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/iov.h"
#include "vhost/backend.h"

enum {
	FEATURE_NOTIFICATION = 1 << 0, /* VIRTIO_FS_F_NOTIFICATION */
	TAG_SIZE = 36,
	CONFIG_SIZE = TAG_SIZE + 4 + 4, /* tag, num_request_queues, notify_buf_size */
	RETRY_MS = 5,			/* between looks at a lock that the host holds */
	AT_ONCE = 32768, /* bytes of a reply for which the guest need not wait for the others */
};

static bool can_notify(void *host)
{
	const struct device *device = host;

	return device->has_notified;
}

/* Copies bytes to a kept chain and gives it back to the guest. */
static int push(struct device *device, const struct kept_chain *kept, const void *bytes, size_t len)
{
	struct virtq *queue = vhost_backend_queue(device->backend, kept->queue);
	struct iov to = iov_make(kept->vec, kept->count);

	if (queue == NULL)
		return -ENODEV;
	/* Too small a buffer is the guest's loss: it comes back empty. */
	virtq_push(queue, kept->head, iov_write(&to, bytes, len) < 0 ? 0 : (uint32_t)len);
	vhost_backend_signal(device->backend, kept->queue);
	return 0;
}

static int notify(void *host, const void *bytes, size_t len)
{
	struct device *device = host;
	const struct kept_chain *kept = &device->buffer[device->first_buffer];

	if (device->buffers == 0)
		return -EAGAIN;
	device->first_buffer = (device->first_buffer + 1) % DEVICE_BUFFERS;
	device->buffers--;
	return push(device, kept, bytes, len);
}

static void answer(void *host, uint64_t token, const void *bytes, size_t len)
{
	struct device *device = host;
	struct kept_chain *kept = &device->waiting[(uint32_t)token % DEVICE_WAITING];

	if (!kept->used || kept->turn != token >> 32)
		return;
	kept->used = false;
	(void)push(device, kept, bytes, len);
}

const struct fs_host_impl device_host = {
	.can_notify = can_notify,
	.notify = notify,
	.answer = answer,
};

/* Keeps what the device may write of the chain being served. */
static bool keep(struct device *device, struct kept_chain *kept, unsigned index)
{
	const struct virtq_chain *chain = &device->chain;
	uint16_t count = (uint16_t)(chain->count - chain->readable);

	if (count > DEVICE_PARTS)
		return false;
	kept->queue = (uint16_t)index;
	kept->head = chain->head;
	kept->count = count;
	memcpy(kept->vec, chain->vec + chain->readable, count * sizeof(kept->vec[0]));
	return true;
}

static void take_buffer(struct device *device, unsigned index, struct virtq *queue)
{
	unsigned last = (device->first_buffer + device->buffers) % DEVICE_BUFFERS;

	if (device->buffers == DEVICE_BUFFERS || !keep(device, &device->buffer[last], index)) {
		virtq_push(queue, device->chain.head, 0);
		return;
	}
	device->buffers++;
	device->has_notified = true;
}

static struct kept_chain *free_waiting(struct device *device)
{
	for (size_t i = 0; i < DEVICE_WAITING; i++)
		if (!device->waiting[i].used)
			return &device->waiting[i];
	return NULL;
}

static void retry(struct loop_timer *timer)
{
	struct device *device = container_of(timer, struct device, retry);

	fs_retry_locks(device->fs);
	if (fs_lock_waiters(device->fs) > 0)
		loop_arm(device->loop, timer, clock_now_ms() + RETRY_MS, retry);
}

/*
 * Serves the chain. Where it would be kept is settled before, because whether
 * it will have to wait is known only after.
 */
static void serve(struct device *device, unsigned index, struct virtq *queue)
{
	const struct virtq_chain *chain = &device->chain;
	struct kept_chain *kept = free_waiting(device);
	uint64_t token = 0;
	ssize_t n;

	if (kept != NULL && keep(device, kept, index)) {
		kept->turn++;
		token = ((uint64_t)kept->turn << 32) | (uint64_t)(kept - device->waiting);
	} else {
		kept = NULL;
	}
	n = fs_serve(device->fs, chain->vec, chain->readable, chain->vec + chain->readable,
		     (size_t)(chain->count - chain->readable), token);
	if (n == -EINPROGRESS && kept != NULL) {
		kept->used = true;
		loop_arm(device->loop, &device->retry, clock_now_ms() + RETRY_MS, retry);
		return;
	}
	virtq_push(queue, chain->head, n > 0 ? (uint32_t)n : 0);
	if (n >= AT_ONCE)
		vhost_backend_signal(device->backend, index);
}

static void kicked(void *context, unsigned index, struct virtq *queue)
{
	struct device *device = context;
	/* The first request of a session starts the watch. */
	bool pump = device->watch.loop == NULL;

	while (virtq_pop(queue, &device->chain) > 0) {
		if (device->chain.readable > 0) {
			serve(device, index, queue);
			continue;
		}
		take_buffer(device, index, queue);
		pump = true;
	}
	if (pump)
		device_pump(device);
}

/*
 * The VM pauses or ends. What is held is given back: buffers empty, upon which
 * a guest that goes on posts them again, and locks not taken. What the guest
 * knows stays: if it starts anew, its first request says so.
 */
static void queue_stopped(void *context, unsigned index)
{
	struct device *device = context;

	fs_cancel_locks(device->fs);
	/* Buffers all come from one queue. */
	if (device->buffers == 0 || device->buffer[device->first_buffer].queue != index)
		return;
	while (device->buffers > 0)
		(void)notify(device, NULL, 0);
	device->has_notified = false;
}

/* virtio 1.2 §5.11.4. A frontend with a tag of its own (QEMU) shows that instead. */
static void config_read(void *context, uint8_t *config)
{
	(void)context;
	memset(config, 0, CONFIG_SIZE);
	memcpy(config, "sbx", 3);
	le32_store(config + TAG_SIZE, 1);
	le32_store(config + TAG_SIZE + 4, FS_NOTIFICATION_MAX);
}

static void closed(void *context, const char *why)
{
	struct device *device = context;

	(void)snprintf(device->why, sizeof(device->why), "%s", why);
	loop_stop(device->loop);
}

static const struct vhost_device_impl impl = {
	.features = FEATURE_NOTIFICATION,
	.queues = DEVICE_QUEUES,
	.config_size = CONFIG_SIZE,
	.config_read = config_read,
	.queue_stopped = queue_stopped,
	.kicked = kicked,
	.closed = closed,
};

/* Level-triggered: while the guest is behind, the host's events stay where they are. */
void device_pump(struct device *device)
{
	bool wants = fs_watch_run(device->fs);
	int fd = fs_watch_fd(device->fs);

	if (fd < 0)
		return;
	if (device->watch.loop == NULL)
		(void)loop_add(device->loop, &device->watch, fd, wants ? EPOLLIN : 0,
			       device->watch.ready);
	else
		(void)loop_change(&device->watch, wants ? EPOLLIN : 0);
}

static void host_changed(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	device_pump(container_of(watch, struct device, watch));
}

int device_start(struct device *device, struct loop *loop, struct fs *fs, int socket)
{
	device->loop = loop;
	device->fs = fs;
	device->watch.fd = -1;
	device->watch.ready = host_changed;
	return vhost_backend_create(loop, socket, &impl, device, &device->backend);
}

void device_finish(struct device *device)
{
	loop_disarm(&device->retry);
	loop_remove(&device->watch);
	vhost_backend_destroy(device->backend);
}
