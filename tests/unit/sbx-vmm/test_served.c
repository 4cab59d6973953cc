/*
 * A disk served by a real vhost-user backend, in a thread of its own, to a
 * scripted driver: rings, interrupts, configuration space, its end, and another one.
 */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
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
	int socket;	   /* weak, its end */
	uint64_t features; /* that the driver took */
	int started, stopped;
	bool dies;	 /* when it is rung, with the chain in its hands */
	bool dies_early; /* when the driver starts the device */
	bool resumes;	 /* another one can go on */
	struct vhost_device_impl impl;
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
	struct backend *backend = device;

	backend->features = features;
	if (backend->dies_early)
		(void)shutdown(backend->socket, SHUT_RDWR); /* before it has answered */
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
		(void)virtq_pop(queue, &backend->chain);
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

/* The other end of the socket; -1: it does not start. */
static int start_backend_alone(struct backend *backend)
{
	int pair[2];

	backend->impl = impl;
	backend->impl.resumes = backend->resumes;
	if (fd_socketpair(pair) < 0)
		return -1;
	backend->socket = pair[1];
	if (loop_create(&backend->loop) < 0 ||
	    vhost_backend_create(backend->loop, pair[1], &backend->impl, backend, &backend->vhost) <
		    0 ||
	    pthread_create(&backend->thread, NULL, serve, backend) != 0)
		return -1;
	return pair[0];
}

/* The machine gets the other end of the socket as its first disk. */
static bool start_backend(struct backend *backend, struct fixture *f)
{
	int socket = start_backend_alone(backend);

	f->options.device[f->options.devices_count++] =
		(struct option_device){ .kind = SERVED_BLK, .fd = socket };
	return socket >= 0;
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

/* A machine whose first backend ends when it is rung; the loop then gets it another one. */
struct replacing {
	struct fixture f;
	struct backend first, second;
	struct loop_watch asked;
	const struct hv_fake_step *status; /* as the driver reads it at the end */
	int result, elsewhere; /* of the replacement, and of one of a device that is not there */
};

static void replace(struct loop_watch *watch, uint32_t events)
{
	struct replacing *r = container_of(watch, struct replacing, asked);
	struct err err = ERR_INIT;

	(void)events;
	loop_remove(watch);
	r->elsewhere = machine_replace(r->f.machine, 1, dup(watch->fd), &err);
	r->result = machine_replace(r->f.machine, 0, start_backend_alone(&r->second), &err);
	if (r->result < 0)
		printf("# %s\n", err.text);
}

/* In the place of the guest, after it rang: another backend, and what it waits for. */
static void ask_and_await(void *ctx)
{
	struct replacing *r = container_of(ctx, struct replacing, f);

	(void)pthread_join(r->first.thread, NULL);
	(void)eventfd_write(r->asked.fd, 1);
	script_await_used(ctx);
}

static bool init_replacing(struct replacing *r)
{
	int wake = eventfd(0, EFD_CLOEXEC);

	if (!script_init(&r->f) || !start_backend(&r->first, &r->f) ||
	    loop_add(r->f.loop, &r->asked, wake, EPOLLIN, replace) < 0)
		return false;
	r->f.hv = &hv_fake_plain;
	(void)script_register(&r->f, DISK, 0x100, false, 0);
	script_bring_up(&r->f, DISK, 0, FEATURE_FLUSH);
	(void)with(script_register(&r->f, DISK, 0x50, true, 0), script_offer, &r->f);
	(void)with(script_register(&r->f, DISK, 0x60, false, 0), ask_and_await, &r->f);
	r->status = script_register(&r->f, DISK, 0x70, false, 0);
	script_out(&r->f, 0x64, 0xfe);
	return true;
}

TEST(another_backend_goes_on_and_the_guest_does_not_notice)
{
	struct replacing r = { .first = { .dies = true, .resumes = true }, .second.resumes = true };

	CHECK(init_replacing(&r));
	CHECK_EQ(script_run(&r.f), VMM_RESET);
	CHECK_EQ(r.result, 0);
	CHECK_EQ(r.elsewhere, -ENODEV);
	CHECK_EQ(script_ram(&r.f)[BUFFER + 63], 0xbb);
	script_finish(&r.f);
	loop_destroy(r.first.loop);
	finish_backend(&r.second);
	CHECK_EQ(r.first.started, 1);
	CHECK_EQ(r.second.started, 1);
	CHECK_EQ(r.second.features & FEATURE_FLUSH, FEATURE_FLUSH);
}

TEST(a_backend_that_ends_while_its_device_starts_is_replaced_too)
{
	struct replacing r = { .first = { .dies_early = true, .resumes = true },
			       .second.resumes = true };

	CHECK(init_replacing(&r));
	CHECK_EQ(script_run(&r.f), VMM_RESET);
	CHECK_EQ(r.result, 0);
	CHECK_EQ(script_ram(&r.f)[BUFFER + 63], 0xbb);
	script_finish(&r.f);
	loop_destroy(r.first.loop);
	finish_backend(&r.second);
	CHECK_EQ(r.status->value, 0xf); /* the driver is not told to reset it */
	CHECK_EQ(r.first.started, 0);
	CHECK_EQ(r.second.started, 1);
}

TEST(a_backend_that_ends_ends_the_machine_when_no_other_comes)
{
	struct fixture f;
	struct backend backend = { .dies = true, .resumes = true };
	uint64_t begin = clock_now_ms();

	CHECK(script_init(&f));
	CHECK(start_backend(&backend, &f));
	f.hv = &hv_fake_plain;
	script_bring_up(&f, DISK, 0, 0);
	(void)with(script_register(&f, DISK, 0x50, true, 0), script_offer, &f);
	CHECK_EQ(script_run(&f), VMM_FAILED);
	CHECK_STR(f.answer.text, "the backend of a disk ended");
	CHECK(clock_now_ms() - begin >= SERVED_PATIENCE_MS);
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
