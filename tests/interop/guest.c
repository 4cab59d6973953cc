#include "tests/interop/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"

enum {
	PATIENCE_MS = 30000,
	QUEUE_SIZE = 64,
	QUEUE_SPACE = 4 * INTEROP_BUFFER, /* the ring, what is given, what is taken */
	MEMORY = INTEROP_QUEUES_MAX * QUEUE_SPACE,
	WORDS_MAX = 24,
	PATH_SIZE = 512,
};

#define LIBRARIES "usr/lib/x86_64-linux-gnu"

static uint64_t given_at(unsigned queue)
{
	return (uint64_t)queue * QUEUE_SPACE + INTEROP_BUFFER;
}

static uint64_t taken_at(unsigned queue)
{
	return given_at(queue) + INTEROP_BUFFER;
}

uint8_t *interop_given(const struct interop_guest *guest, unsigned queue)
{
	return guestmem_at(&guest->mem, given_at(queue), INTEROP_BUFFER);
}

uint8_t *interop_taken(const struct interop_guest *guest, unsigned queue)
{
	return guestmem_at(&guest->mem, taken_at(queue), INTEROP_BUFFER);
}

bool interop_has(const char *program)
{
	const char *root = getenv("SBX_PEERS");
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", root != NULL ? root : "", program);
	return root != NULL && access(path, X_OK) == 0;
}

int interop_init(struct interop_guest *guest)
{
	*guest = (struct interop_guest){ .folder = "/tmp/sbx-interop-XXXXXX", .memory_fd = -1 };
	for (unsigned i = 0; i < INTEROP_QUEUES_MAX; i++)
		guest->kick[i] = guest->call[i] = -1;
	if (mkdtemp(guest->folder) == NULL)
		return err_set_errno(&guest->err, -errno, "no folder");
	(void)snprintf(guest->socket, sizeof(guest->socket), "%s/socket", guest->folder);
	return 0;
}

/* Under its own root's loader and libraries, which this host may not have. */
static void run_peer(const char *program, char *const *words)
{
	const char *root = getenv("SBX_PEERS");
	char loader[PATH_SIZE], libraries[PATH_SIZE], path[PATH_SIZE];
	char *argv[WORDS_MAX + 5] = { loader, (char[]){ "--library-path" }, libraries, path };

	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[4 + i] = words[i];
	(void)snprintf(loader, sizeof(loader), "%s/" LIBRARIES "/ld-linux-x86-64.so.2", root);
	(void)snprintf(libraries, sizeof(libraries), "%s/" LIBRARIES, root);
	(void)snprintf(path, sizeof(path), "%s/%s", root, program);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)execv(loader, argv);
	_exit(127);
}

/* Tries until the peer listens, or has ended. */
static int connect_peer(struct interop_guest *guest, int *ret)
{
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;

	while (fd_connect_unix(guest->socket, ret) < 0) {
		if (waitpid(guest->peer, NULL, WNOHANG) != 0) {
			guest->peer = 0;
			return err_set(&guest->err, -ECHILD, "the peer ended");
		}
		if (clock_left_ms(deadline) == 0)
			return err_set(&guest->err, -ETIMEDOUT, "the peer does not listen");
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

int interop_start(struct interop_guest *guest, const char *program, char *const *words)
{
	struct vhost_frontend_config config = { .name = program, .timeout_ms = PATIENCE_MS };
	int r;

	guest->peer = fork();
	if (guest->peer == 0)
		run_peer(program, words);
	if (guest->peer < 0)
		return err_set_errno(&guest->err, -errno, "no process");
	r = connect_peer(guest, &config.socket);
	if (r == 0)
		r = vhost_frontend_create(&config, &guest->frontend, &guest->err);
	return r;
}

static int share_memory(struct interop_guest *guest)
{
	struct vhost_frontend_region region = { .size = MEMORY };
	int r;

	guest->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (guest->memory_fd < 0 || ftruncate(guest->memory_fd, MEMORY) < 0)
		return err_set_errno(&guest->err, -errno, "no guest memory");
	region.fd = guest->memory_fd;
	r = guestmem_map(&guest->mem, 0, MEMORY, 0, guest->memory_fd, 0);
	return r < 0 ? r : vhost_frontend_set_memory(guest->frontend, &region, 1, &guest->err);
}

static int start_queue(struct interop_guest *guest, unsigned index, bool event_idx)
{
	struct driver_ring *ring = &guest->ring[index];
	struct vhost_frontend_queue queue = { .size = QUEUE_SIZE };

	(void)driver_ring_init(ring, &guest->mem, (uint64_t)index * QUEUE_SPACE, QUEUE_SIZE,
			       event_idx);
	queue.desc = ring->desc;
	queue.avail = ring->avail;
	queue.used = ring->used;
	queue.kick = guest->kick[index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue.call = guest->call[index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return vhost_frontend_start_queue(guest->frontend, index, &queue, &guest->err);
}

int interop_begin(struct interop_guest *guest, uint64_t wanted, unsigned queues)
{
	uint64_t features = vhost_frontend_features(guest->frontend) &
			    (wanted | UINT64_C(1) << VIRTIO_F_VERSION_1);
	int r = vhost_frontend_set_features(guest->frontend, features, &guest->err);

	if (r == 0)
		r = share_memory(guest);
	for (unsigned i = 0; i < queues && r == 0; i++)
		r = start_queue(guest, i, (features & 1U << VIRTIO_RING_F_EVENT_IDX) != 0);
	guest->queues = queues;
	return r;
}

void interop_offer(struct interop_guest *guest, unsigned queue, uint32_t readable,
		   uint32_t writable)
{
	struct driver_ring *ring = &guest->ring[queue];
	const struct driver_buffer buffers[] = { { given_at(queue), readable },
						 { taken_at(queue), writable } };
	size_t first = readable > 0 ? 0 : 1, count = (readable > 0) + (writable > 0);

	driver_ring_chain(ring, ring->desc, 0, buffers + first, readable > 0 ? 1 : 0, count);
	driver_ring_offer(ring, 0);
	if (driver_ring_needs_kick(ring))
		(void)eventfd_write(guest->kick[queue], 1);
}

int interop_await(struct interop_guest *guest, unsigned queue)
{
	struct driver_ring *ring = &guest->ring[queue];
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;
	uint32_t head, written;
	eventfd_t count;

	driver_ring_want_interrupt(ring, 0);
	while (!driver_ring_take(ring, &head, &written)) {
		struct pollfd wait = { .fd = guest->call[queue], .events = POLLIN };

		if (poll(&wait, 1, clock_left_ms(deadline)) <= 0)
			return -ETIMEDOUT;
		(void)eventfd_read(guest->call[queue], &count);
	}
	return (int)written;
}

void interop_finish(struct interop_guest *guest)
{
	vhost_frontend_destroy(guest->frontend);
	if (guest->peer > 0) {
		(void)kill(guest->peer, SIGTERM);
		(void)waitpid(guest->peer, NULL, 0);
	}
	guestmem_finish(&guest->mem);
	for (unsigned i = 0; i < INTEROP_QUEUES_MAX; i++) {
		if (guest->kick[i] >= 0)
			(void)close(guest->kick[i]);
		if (guest->call[i] >= 0)
			(void)close(guest->call[i]);
	}
	if (guest->memory_fd >= 0)
		(void)close(guest->memory_fd);
	(void)file_remove_tree(AT_FDCWD, guest->folder);
}
