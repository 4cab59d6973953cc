#include "tests/unit/vhost/session.h"

#include <limits.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/iov.h"
#include "base/loop.h"
#include "vhost/backend.h"
#include "virtio/queue.h"

enum { PATIENCE_MS = 20000, ECHO_MAX = 256 };

static void echo_config(void *device, uint8_t *config)
{
	(void)device;
	for (unsigned i = 0; i < SESSION_CONFIG_SIZE; i++)
		config[i] = (uint8_t)(i + 1);
}

static uint32_t echo_chain(const struct virtq_chain *chain)
{
	struct iov in = iov_make(chain->vec, chain->readable);
	struct iov out =
		iov_make(chain->vec + chain->readable, (size_t)(chain->count - chain->readable));
	char bytes[ECHO_MAX];
	size_t len = min_of(min_of(in.left, out.left), sizeof(bytes));

	(void)iov_read(&in, bytes, len);
	(void)iov_write(&out, bytes, len);
	return (uint32_t)len;
}

static void echo_kicked(void *device, unsigned index, struct virtq *queue)
{
	static struct virtq_chain chain;
	struct echo *echo = device;
	uint16_t before = queue->last_avail;

	(void)index;
	while (echo->room > 0 && virtq_pop(queue, &chain) == 1) {
		if (echo->keeps > 0) {
			echo->keeps--;
			continue;
		}
		virtq_push(queue, chain.head, echo_chain(&chain));
		if (echo->room != UINT_MAX)
			echo->room--;
		echo->served++;
	}
	if (queue->last_avail == before && echo->when_empty != NULL) {
		void (*when_empty)(void) = atomic_load(&echo->when_empty);

		echo->when_empty = NULL;
		when_empty();
	}
}

static void echo_started(void *device, unsigned index, struct virtq *queue)
{
	struct echo *echo = device;

	(void)index;
	(void)queue;
	echo->started++;
}

static void echo_stopped(void *device, unsigned index)
{
	struct echo *echo = device;

	(void)index;
	echo->stopped++;
}

static void echo_broken(void *device, unsigned index, const char *rule)
{
	struct echo *echo = device;

	(void)index;
	(void)rule;
	echo->broken++;
}

static void echo_closed(void *device, const char *why)
{
	struct echo *echo = device;

	echo->why = why;
	echo->closed++;
	loop_stop(echo->loop);
}

static const struct vhost_device_impl echo_impl = {
	.queues = SESSION_QUEUES,
	.resumes = true,
	.config_size = SESSION_CONFIG_SIZE,
	.config_read = echo_config,
	.queue_started = echo_started,
	.queue_stopped = echo_stopped,
	.kicked = echo_kicked,
	.broken = echo_broken,
	.closed = echo_closed,
};

static void echo_woken(struct loop_watch *watch, uint32_t events)
{
	struct echo *echo = container_of(watch, struct echo, wake_watch);
	eventfd_t count;

	(void)events;
	(void)eventfd_read(echo->wake, &count);
	if (echo->dies) {
		loop_stop(echo->loop);
		return;
	}
	echo->room = UINT_MAX;
	vhost_backend_resume(echo->backend, 0);
}

static void *run_backend(void *argument)
{
	struct echo *echo = argument;

	(void)loop_run(echo->loop);
	loop_remove(&echo->wake_watch);
	(void)close(echo->wake);
	vhost_backend_destroy(echo->backend);
	loop_destroy(echo->loop);
	return NULL;
}

static int start_backend(struct session *session)
{
	struct echo *echo = &session->echo;
	int pair[2], r;

	echo->room = UINT_MAX;
	r = fd_socketpair(pair);
	if (r == 0)
		r = loop_create(&echo->loop);
	if (r == 0)
		r = vhost_backend_create(echo->loop, pair[1], &echo_impl, echo, &echo->backend);
	session->socket = pair[0];
	echo->wake = eventfd(0, EFD_CLOEXEC);
	if (r == 0)
		r = loop_add(echo->loop, &echo->wake_watch, echo->wake, EPOLLIN, echo_woken);
	return r < 0 ? r : -pthread_create(&session->thread, NULL, run_backend, echo);
}

int session_start_raw(struct session *session)
{
	*session = (struct session){ .err = ERR_INIT, .memory_fd = -1, .inflight.fd = -1 };
	for (unsigned i = 0; i < SESSION_QUEUES; i++)
		session->kick[i] = session->call[i] = -1;
	return start_backend(session);
}

static int tell_memory(struct session *session)
{
	const struct vhost_frontend_region region = { .size = SESSION_MEMORY,
						      .fd = session->memory_fd };

	return vhost_frontend_set_memory(session->frontend, &region, 1, &session->err);
}

static int share_memory(struct session *session)
{
	int r;

	session->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (session->memory_fd < 0 || ftruncate(session->memory_fd, SESSION_MEMORY) < 0)
		return -1;
	r = guestmem_map(&session->mem, 0, SESSION_MEMORY, 0, session->memory_fd, 0);
	return r < 0 ? r : tell_memory(session);
}

int session_start_queue(struct session *session, unsigned index, uint16_t last_avail)
{
	const struct driver_ring *ring = &session->ring[index];
	const struct vhost_frontend_queue queue = {
		.size = ring->size,
		.last_avail = last_avail,
		.desc = ring->desc,
		.avail = ring->avail,
		.used = ring->used,
		.kick = session->kick[index],
		.call = session->call[index],
	};

	return vhost_frontend_start_queue(session->frontend, index, &queue, &session->err);
}

static int negotiate(struct session *session)
{
	const struct vhost_frontend_config config = { .socket = session->socket,
						      .name = "echo",
						      .timeout_ms = PATIENCE_MS };
	int r = vhost_frontend_create(&config, &session->frontend, &session->err);

	if (r < 0)
		return r;
	session->socket = -1;
	return vhost_frontend_set_features(session->frontend, session->features, &session->err);
}

int session_start(struct session *session, bool event_idx)
{
	uint64_t gpa = 0;
	int r;

	r = session_start_raw(session);
	if (r < 0)
		return r;
	session->features =
		UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC;
	if (event_idx)
		session->features |= UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX;
	r = negotiate(session);
	if (r == 0)
		r = share_memory(session);
	for (unsigned i = 0; i < SESSION_QUEUES && r == 0; i++) {
		session->kick[i] = eventfd(0, EFD_CLOEXEC);
		session->call[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		gpa = driver_ring_init(&session->ring[i], &session->mem, gpa, SESSION_QUEUE_SIZE,
				       event_idx);
		r = session_start_queue(session, i, 0);
	}
	return r;
}

int session_track(struct session *session)
{
	int r = vhost_frontend_make_inflight(session->frontend, SESSION_QUEUES, SESSION_QUEUE_SIZE,
					     &session->inflight, &session->err);

	return r < 0 ? r
		     : vhost_frontend_set_inflight(session->frontend, &session->inflight,
						   &session->err);
}

int session_replace(struct session *session)
{
	int r;

	session->echo.dies = true;
	(void)eventfd_write(session->echo.wake, 1);
	(void)pthread_join(session->thread, NULL);
	vhost_frontend_destroy(session->frontend);
	session->frontend = NULL;
	session->echo = (struct echo){ .dies = false };
	r = start_backend(session);
	if (r == 0)
		r = negotiate(session);
	if (r == 0)
		r = tell_memory(session);
	if (r == 0)
		r = vhost_frontend_set_inflight(session->frontend, &session->inflight,
						&session->err);
	for (unsigned i = 0; i < SESSION_QUEUES && r == 0; i++)
		r = session_start_queue(session, i, 0);
	return r;
}

void session_stop(struct session *session)
{
	vhost_frontend_destroy(session->frontend);
	if (session->socket >= 0)
		(void)close(session->socket);
	(void)pthread_join(session->thread, NULL);
	for (unsigned i = 0; i < SESSION_QUEUES; i++) {
		if (session->kick[i] >= 0)
			(void)close(session->kick[i]);
		if (session->call[i] >= 0)
			(void)close(session->call[i]);
	}
	guestmem_finish(&session->mem);
	if (session->memory_fd >= 0)
		(void)close(session->memory_fd);
	if (session->inflight.fd >= 0)
		(void)close(session->inflight.fd);
}

/* Each chain in flight has its own slot: two descriptors and 2 * ECHO_MAX bytes. */
static uint64_t slot_at(unsigned index, unsigned slot)
{
	return SESSION_DATA + 2 * ECHO_MAX * ((uint64_t)index * SESSION_QUEUE_SIZE + slot);
}

void session_offer(struct session *session, unsigned index, const char *text)
{
	struct driver_ring *ring = &session->ring[index];
	uint16_t head = (uint16_t)(2 * (ring->avail_index % (SESSION_QUEUE_SIZE / 2)));
	uint64_t gpa = slot_at(index, head);
	const struct driver_buffer buffers[] = { { gpa, (uint32_t)strlen(text) + 1 },
						 { gpa + ECHO_MAX, ECHO_MAX } };

	(void)guestmem_write(&session->mem, gpa, text, strlen(text) + 1);
	driver_ring_chain(ring, ring->desc, head, buffers, 1, 2);
	driver_ring_offer(ring, head);
	if (driver_ring_needs_kick(ring))
		(void)eventfd_write(session->kick[index], 1);
}

bool session_answered(struct session *session, unsigned index, const char *text)
{
	struct driver_ring *ring = &session->ring[index];
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;
	uint32_t head, written;
	char bytes[ECHO_MAX];
	eventfd_t count;

	driver_ring_want_interrupt(ring, (uint16_t)(ring->avail_index - 1 - ring->used_seen));
	while (!driver_ring_take(ring, &head, &written)) {
		struct pollfd wait = { .fd = session->call[index], .events = POLLIN };

		if (poll(&wait, 1, clock_left_ms(deadline)) <= 0)
			return false;
		(void)eventfd_read(session->call[index], &count);
	}
	return guestmem_read(&session->mem, slot_at(index, head) + ECHO_MAX, bytes, ECHO_MAX) ==
		       0 &&
	       written == strlen(text) + 1 && memcmp(bytes, text, written) == 0;
}

bool session_reached(const atomic_uint *counter, unsigned least)
{
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;

	while (atomic_load(counter) < least) {
		if (clock_left_ms(deadline) == 0)
			return false;
		(void)poll(NULL, 0, 1);
	}
	return true;
}
