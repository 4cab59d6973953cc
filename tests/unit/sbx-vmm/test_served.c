/*
 * A disk served by a real vhost-user backend, in a thread of its own, to a
 * scripted driver: rings, interrupts, configuration space, and its end.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/loop.h"
#include "boot/layout.h"
#include "sbx-vmm/served.h"
#include "tests/unit/sbx-vmm/script.h"
#include "tests/unit/test.h"
#include "vhost/backend.h"
#include "virtio/queue.h"

enum { DISK = 0, CONFIG_SIZE = 60, FEATURE_FLUSH = 1 << 9 };

struct backend {
	struct loop *loop;
	struct vhost_backend *vhost;
	pthread_t thread;
	uint64_t features; /* that the driver took */
	int started, stopped;
	bool dies; /* when it is rung */
	struct virtq_chain chain;
};

static void config_read(void *device, uint8_t *config)
{
	(void)device;
	memset(config, 0, CONFIG_SIZE);
	le64_store(config, 4711); /* sectors */
}

static void negotiated(void *device, uint64_t features)
{
	((struct backend *)device)->features = features;
}

static void queue_started(void *device, unsigned index, struct virtq *queue)
{
	(void)index;
	(void)queue;
	((struct backend *)device)->started++;
}

static void queue_stopped(void *device, unsigned index)
{
	(void)index;
	((struct backend *)device)->stopped++;
}

static void kicked(void *device, unsigned index, struct virtq *queue)
{
	struct backend *backend = device;

	if (backend->dies) {
		loop_stop(backend->loop);
		return;
	}
	while (virtq_pop(queue, &backend->chain) == 1) {
		memset(backend->chain.vec[0].iov_base, 0xbb, 64);
		virtq_push(queue, backend->chain.head, 64);
	}
	vhost_backend_signal(backend->vhost, index);
}

static void closed(void *device, const char *why)
{
	(void)why;
	loop_stop(((struct backend *)device)->loop);
}

static const struct vhost_device_impl impl = {
	.features = FEATURE_FLUSH,
	.queues = 2,
	.config_size = CONFIG_SIZE,
	.config_read = config_read,
	.negotiated = negotiated,
	.queue_started = queue_started,
	.queue_stopped = queue_stopped,
	.kicked = kicked,
	.closed = closed,
};

static void *serve(void *argument)
{
	struct backend *backend = argument;

	(void)loop_run(backend->loop);
	vhost_backend_destroy(backend->vhost);
	return NULL;
}

/* The machine gets the other end of the socket as its first disk. */
static bool start_backend(struct backend *backend, struct fixture *f)
{
	int pair[2];

	if (fd_socketpair(pair) < 0 || loop_create(&backend->loop) < 0 ||
	    vhost_backend_create(backend->loop, pair[1], &impl, backend, &backend->vhost) < 0)
		return false;
	f->options.device[f->options.devices_count++] =
		(struct option_device){ .kind = SERVED_BLK, .fd = pair[0] };
	return pthread_create(&backend->thread, NULL, serve, backend) == 0;
}

/* After the machine is gone, so is the backend. */
static void finish_backend(struct backend *backend)
{
	(void)pthread_join(backend->thread, NULL);
	loop_destroy(backend->loop);
}

static struct hv_fake_step *with(struct hv_fake_step *step, void (*before)(void *ctx),
				 struct fixture *f)
{
	step->before = before;
	step->ctx = f;
	return step;
}

static void io_script(struct fixture *f)
{
	(void)script_register(f, DISK, 0x100, false, 0);
	script_bring_up(f, DISK, 0, FEATURE_FLUSH);
	(void)with(script_register(f, DISK, 0x50, true, 0), script_offer, f);
	(void)with(script_register(f, DISK, 0x60, false, 0), script_await_used, f);
	(void)script_register(f, DISK, 0x70, true, 0);
	script_out(f, 0x64, 0xfe);
}

TEST(a_driver_reads_through_a_backend)
{
	struct fixture f;
	struct backend backend = { 0 };

	CHECK(script_init(&f));
	CHECK(start_backend(&backend, &f));
	f.hv = &hv_fake_plain; /* rings reach the backend through us */
	io_script(&f);
	CHECK_EQ(script_run(&f), VMM_RESET);
	CHECK_EQ(f.steps[0].value, 4711);
	CHECK_EQ(script_ram(&f)[BUFFER], 0xbb);
	CHECK_EQ(script_ram(&f)[BUFFER + 63], 0xbb);
	script_finish(&f);
	finish_backend(&backend);
	CHECK_EQ(backend.started, 1);
	CHECK_EQ(backend.stopped, 1);
	CHECK_EQ(backend.features & FEATURE_FLUSH, FEATURE_FLUSH);
}

TEST(a_backend_that_ends_ends_the_machine)
{
	struct fixture f;
	struct backend backend = { .dies = true };

	CHECK(script_init(&f));
	CHECK(start_backend(&backend, &f));
	f.hv = &hv_fake_plain;
	script_bring_up(&f, DISK, 0, 0);
	(void)with(script_register(&f, DISK, 0x50, true, 0), script_offer, &f);
	CHECK_EQ(script_run(&f), VMM_FAILED);
	CHECK_STR(f.answer.text, "the backend of a disk ended");
	script_finish(&f);
	finish_backend(&backend);
}

TEST(a_backend_that_is_none_is_a_sentence)
{
	struct fixture f;
	int pair[2];

	CHECK(script_init(&f));
	CHECK_EQ(fd_socketpair(pair), 0);
	(void)close(pair[1]);
	f.options.device[f.options.devices_count++] =
		(struct option_device){ .kind = SERVED_VSOCK, .fd = pair[0] };
	CHECK(script_build(&f) < 0);
	CHECK(strstr(f.err.text, "the backend of the agent channel") != NULL);
	(void)close(pair[0]);
	script_finish(&f);
}

TEST_MAIN()
