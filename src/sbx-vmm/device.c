#include "sbx-vmm/device.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/err.h"
#include "boot/layout.h"
#include "hv/hv.h"
#include "sbx-vmm/calls.h"

int device_init(struct device *device, const struct device_impl *impl, const char *name,
		const struct virtio_mmio_config *config, struct err *err)
{
	bool failed = false;

	*device = (struct device){ .impl = impl,
				   .name = name,
				   .lock = PTHREAD_MUTEX_INITIALIZER,
				   .call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
				   .pulse.fd = -1 };
	virtio_mmio_init(&device->mmio, config);
	for (unsigned i = 0; i < VIRTIO_MMIO_QUEUES_MAX; i++) {
		device->kick[i] = -1;
		if (i < config->queues)
			device->kick[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		failed |= i < config->queues && device->kick[i] < 0;
	}
	if (failed || device->call < 0) {
		int code = -errno;

		device_finish(device);
		return err_set_errno(err, code, "no descriptors for %s", name);
	}
	return 0;
}

void device_finish(struct device *device)
{
	loop_remove(&device->pulse);
	if (device->call >= 0)
		(void)close(device->call);
	for (unsigned i = 0; i < VIRTIO_MMIO_QUEUES_MAX; i++)
		if (device->kick[i] >= 0)
			(void)close(device->kick[i]);
	(void)pthread_mutex_destroy(&device->lock);
}

static void ring(int fd)
{
	uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one)); /* it can only fail when it is rung already */
}

void device_interrupt(struct device *device)
{
	ring(device->call);
}

/* Where the hypervisor cannot take the eventfd itself. */
static void pulse_line(struct loop_watch *watch, uint32_t events)
{
	struct device *device = container_of(watch, struct device, pulse);
	uint64_t count;

	(void)events;
	if (read(device->call, &count, sizeof(count)) != sizeof(count))
		return;
	(void)hv_irq_set(device->vm, device->line, true);
	(void)hv_irq_set(device->vm, device->line, false);
}

static int plug_line(struct device *device, struct loop *loop)
{
	int r = hv_irq_fd(device->vm, device->line, device->call);

	if (r == -EOPNOTSUPP)
		r = loop_add(loop, &device->pulse, device->call, EPOLLIN, pulse_line);
	return r;
}

/* Without doorbells a ring arrives as an access to the register, see act(). */
static int plug_doorbells(struct device *device, uint64_t base)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < device->mmio.config.queues; i++)
		r = hv_doorbell(device->vm, base + VIRTIO_MMIO_QUEUE_NOTIFY, i, device->kick[i]);
	return r == -EOPNOTSUPP ? 0 : r;
}

int device_plug(struct device *device, struct hv_vm *vm, struct loop *loop, struct calls *calls,
		unsigned slot, struct err *err)
{
	int r;

	device->vm = vm;
	device->calls = calls;
	device->line = LAYOUT_IRQ_FIRST + slot;
	r = plug_line(device, loop);
	if (r == 0)
		r = plug_doorbells(device, LAYOUT_MMIO + (uint64_t)slot * LAYOUT_MMIO_STRIDE);
	return r < 0 ? err_set_errno(err, r, "cannot connect %s to the guest", device->name) : 0;
}

static void start_device(void *ctx)
{
	struct device *device = ctx;
	struct device_setup setup = { 0 };
	struct err err = ERR_INIT;
	bool wanted;

	(void)pthread_mutex_lock(&device->lock);
	wanted = device->mmio.started && !device->running;
	setup.features = device->mmio.driver_features;
	for (unsigned i = 0; i < VIRTIO_MMIO_QUEUES_MAX; i++)
		setup.queue[i] = device->mmio.queue[i];
	(void)pthread_mutex_unlock(&device->lock);
	if (!wanted)
		return; /* another vCPU was faster with a reset */
	device->running = true;
	if (device->impl->start(device, &setup, &err) < 0) {
		log_error("%s does not start: %s", device->name, err.text);
		device_fail(device);
	}
}

void device_stop(struct device *device)
{
	if (device->running)
		device->impl->stop(device);
	device->running = false;
}

static void stop_device(void *ctx)
{
	struct device *device = ctx;

	device_stop(device);
	(void)pthread_mutex_lock(&device->lock);
	virtio_mmio_reset(&device->mmio);
	(void)pthread_mutex_unlock(&device->lock);
}

static void tell_config(void *ctx)
{
	struct device *device = ctx;

	if (device->impl->config_written != NULL)
		device->impl->config_written(device);
}

static void act(struct device *device, struct virtio_mmio_event event)
{
	switch (event.kind) {
	case VIRTIO_MMIO_NOTHING:
		break;
	case VIRTIO_MMIO_START:
		calls_make(device->calls, start_device, device);
		break;
	case VIRTIO_MMIO_STOP:
		calls_make(device->calls, stop_device, device);
		break;
	case VIRTIO_MMIO_NOTIFY:
		ring(device->kick[event.queue]);
		break;
	case VIRTIO_MMIO_CONFIG:
		calls_make(device->calls, tell_config, device);
		break;
	}
}

void device_access(struct device *device, uint64_t offset, const struct hv_access *access)
{
	struct virtio_mmio_event event = { .kind = VIRTIO_MMIO_NOTHING };

	(void)pthread_mutex_lock(&device->lock);
	if (access->write)
		event = virtio_mmio_write(&device->mmio, offset, access->width, access->data);
	else
		virtio_mmio_read(&device->mmio, offset, access->width, access->data);
	(void)pthread_mutex_unlock(&device->lock);
	act(device, event);
}

void device_set_config(struct device *device, const void *bytes, size_t len)
{
	(void)pthread_mutex_lock(&device->lock);
	virtio_mmio_set_config(&device->mmio, bytes, len);
	(void)pthread_mutex_unlock(&device->lock);
	device_interrupt(device);
}

void device_fail(struct device *device)
{
	(void)pthread_mutex_lock(&device->lock);
	virtio_mmio_fail(&device->mmio);
	(void)pthread_mutex_unlock(&device->lock);
	device_interrupt(device);
}

void device_destroy(struct device *device)
{
	if (device == NULL)
		return;
	device_stop(device);
	device->impl->destroy(device);
}
