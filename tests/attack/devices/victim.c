#include "tests/attack/devices/victim.h"

#include <dirent.h>
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "tests/attack/devices/backend.h"
#include "vhost/frontend.h"

enum {
	ANSWER_AT = VICTIM_SCRATCH + (1 << 20),
	FDS_MORE = 8, /* that a device may hold while it serves */
	SEEN_MS = 2000,
};

const char *fate_name(enum fate fate)
{
	static const char *const names[] = { "refused, and goes on", "device lost",
					     "ended by itself", "CRASHED", "HUNG" };

	return names[fate];
}

static unsigned count_files(const struct victim *victim)
{
	char path[32];
	unsigned count = 0;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", victim->child.id.pid);
	folder = opendir(path);
	if (folder == NULL)
		return 0;
	while (readdir(folder) != NULL)
		count++;
	(void)closedir(folder);
	return count;
}

/* ---- starting */

static int make_memory(struct victim *victim)
{
	static const uint64_t sizes[] = { VICTIM_LOW, VICTIM_HIGH };
	static const uint64_t places[] = { 0, VICTIM_HIGH_AT };
	int r = 0;

	for (size_t i = 0; r == 0 && i < countof(sizes); i++) {
		victim->memory[i] = memfd_create("guest", MFD_CLOEXEC);
		if (victim->memory[i] < 0 || ftruncate(victim->memory[i], (off_t)sizes[i]) < 0)
			return -errno;
		r = guestmem_map(&victim->mem, places[i], sizes[i], places[i], victim->memory[i],
				 0);
	}
	return r;
}

bool victim_set_memory(struct victim *victim, unsigned pieces)
{
	const struct vhost_frontend_region all[] = {
		{ .gpa = 0, .size = VICTIM_LOW, .fd = victim->memory[0] },
		{ .gpa = VICTIM_HIGH_AT, .size = VICTIM_HIGH, .fd = victim->memory[1] },
	};
	struct vhost_frontend_region said[2];
	size_t count = 0;

	for (size_t i = 0; i < countof(all); i++)
		if ((pieces & 1U << i) != 0)
			said[count++] = all[i];
	return vhost_frontend_set_memory(victim->frontend, said, count, &victim->err) == 0;
}

bool victim_start_queue(struct victim *victim, unsigned queue)
{
	struct driver_ring *ring = &victim->ring[queue];

	(void)driver_ring_init(ring, &victim->mem, (uint64_t)queue * VICTIM_RING_SPACE, VICTIM_RING,
			       false);
	return vhost_frontend_start_queue(
		       victim->frontend, queue,
		       &(struct vhost_frontend_queue){ .size = ring->size,
						       .desc = ring->desc,
						       .avail = ring->avail,
						       .used = ring->used,
						       .kick = victim->kick[queue],
						       .call = victim->call[queue] },
		       &victim->err) == 0;
}

bool victim_stop_queue(struct victim *victim, unsigned queue)
{
	uint16_t last;

	return vhost_frontend_stop_queue(victim->frontend, queue, &last, &victim->err) == 0;
}

bool victim_reset(struct victim *victim)
{
	bool done = true;

	for (unsigned i = 0; done && i < victim->kind->queues; i++)
		done = victim_stop_queue(victim, i);
	for (unsigned i = 0; done && i < victim->kind->queues; i++)
		done = victim_start_queue(victim, i);
	return done;
}

static bool start_driver(struct victim *victim, int socket)
{
	const struct vhost_frontend_config config = { .socket = socket,
						      .name = victim->kind->backend->name,
						      .timeout_ms = VICTIM_WAIT_MS };
	const uint64_t wanted =
		UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC;
	bool done;

	if (vhost_frontend_create(&config, &victim->frontend, &victim->err) < 0) {
		(void)close(socket);
		return false;
	}
	done = vhost_frontend_set_features(victim->frontend,
					   wanted & vhost_frontend_features(victim->frontend),
					   &victim->err) == 0 &&
	       victim_set_memory(victim, 3);
	for (unsigned i = 0; done && i < victim->kind->queues; i++) {
		victim->kick[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		victim->call[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		done = victim_start_queue(victim, i);
	}
	return done;
}

static bool spawn(struct victim *victim, int far)
{
	const struct backend *backend = victim->kind->backend;
	char *words[BACKEND_WORDS] = { NULL };
	int fds[BACKEND_FDS + 1] = { far };
	int count = backend->prepare(victim->folder, words, fds + 1);
	struct spawn_config config = { .program = victim->program,
				       .argv = words,
				       .fds = fds,
				       .fds_count = (size_t)count + 1,
				       .stdout_fd = victim->log,
				       .environment = victim->environment,
				       .network = backend->network };
	int r = count < 0 ? count : jail_spawn(&config, &victim->child, &victim->err);

	if (r == 0)
		r = jail_spawn_release(&victim->child, &victim->err);
	for (int i = 0; i < count; i++)
		(void)close(fds[1 + i]);
	victim->running = r == 0;
	return r == 0;
}

bool victim_start(struct victim *victim, const struct victim_kind *kind, const char *program,
		  char *const *environment)
{
	int pair[2];
	bool done;

	*victim = (struct victim){ .kind = kind,
				   .program = program,
				   .environment = environment,
				   .child = { .pidfd = -1, .gate = -1 },
				   .memory = { -1, -1 },
				   .folder = "/tmp/sbx-attack-XXXXXX" };
	for (unsigned i = 0; i < VICTIM_QUEUES_MAX; i++)
		victim->kick[i] = victim->call[i] = -1;
	victim->log = memfd_create("log", MFD_CLOEXEC);
	if (mkdtemp(victim->folder) == NULL || victim->log < 0 || make_memory(victim) < 0 ||
	    fd_socketpair(pair) < 0)
		return false;
	done = spawn(victim, pair[1]);
	(void)close(pair[1]);
	if (!done)
		(void)close(pair[0]);
	done = done && start_driver(victim, pair[0]) && kind->asks(victim);
	victim->files_at_start = count_files(victim);
	if (!done)
		printf("# %s does not start: %s\n", kind->backend->name, victim->err.text);
	return done;
}

/* ---- ending and judging */

static bool said_by_a_sanitizer(const struct victim *victim)
{
	char text[16384];
	ssize_t len = pread(victim->log, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	if (strstr(text, "Sanitizer") == NULL && strstr(text, "runtime error") == NULL &&
	    strstr(text, "Assertion") == NULL)
		return false;
	printf("# %s said: %s\n", victim->kind->backend->name, text);
	return true;
}

/* Waits for its end, at most so long. */
static enum fate how_it_ended(struct victim *victim, int wait_ms)
{
	struct pollfd end = { .fd = victim->child.pidfd, .events = POLLIN };
	siginfo_t info = { .si_code = 0 };

	if (poll(&end, 1, wait_ms) <= 0)
		return FATE_HUNG;
	(void)waitid(P_PIDFD, (id_t)victim->child.pidfd, &info, WEXITED);
	victim->running = false;
	if (info.si_code == CLD_EXITED && !said_by_a_sanitizer(victim))
		return FATE_ENDED;
	printf("# %s ended with code %d, status %d\n", victim->kind->backend->name, info.si_code,
	       info.si_status);
	return FATE_CRASHED;
}

/* The frontend goes no further with it: a VMM would end now, and the program with it. */
static enum fate end_of_connection(struct victim *victim)
{
	struct pollfd end = { .fd = victim->child.pidfd, .events = POLLIN };
	bool alone = poll(&end, 1, 0) > 0;
	enum fate fate;

	vhost_frontend_destroy(victim->frontend);
	victim->frontend = NULL;
	fate = how_it_ended(victim, VICTIM_WAIT_MS);
	return fate == FATE_ENDED && !alone ? FATE_LOST : fate;
}

static void forget(struct victim *victim)
{
	if (victim->running) {
		(void)kill(victim->child.id.pid, SIGKILL);
		(void)waitid(P_PIDFD, (id_t)victim->child.pidfd, &(siginfo_t){ 0 }, WEXITED);
	}
	spawned_finish(&victim->child);
	guestmem_finish(&victim->mem);
	for (unsigned i = 0; i < VICTIM_QUEUES_MAX; i++) {
		if (victim->kick[i] >= 0)
			(void)close(victim->kick[i]);
		if (victim->call[i] >= 0)
			(void)close(victim->call[i]);
	}
	for (size_t i = 0; i < countof(victim->memory); i++)
		if (victim->memory[i] >= 0)
			(void)close(victim->memory[i]);
	(void)close(victim->log);
	(void)file_remove_tree(AT_FDCWD, victim->folder);
}

bool victim_stop(struct victim *victim)
{
	enum fate fate = FATE_ENDED;

	vhost_frontend_destroy(victim->frontend);
	if (victim->running)
		fate = how_it_ended(victim, VICTIM_WAIT_MS);
	if (fate != FATE_ENDED)
		printf("# %s: %s when its VM ended\n", victim->kind->backend->name,
		       fate_name(fate));
	forget(victim);
	return fate == FATE_ENDED;
}

/* Until each doorbell was heard, or the program ended. A dead queue hears none: not for long. */
static void let_it_see(const struct victim *victim)
{
	uint64_t deadline = clock_now_ms() + SEEN_MS;

	for (unsigned i = 0; i < victim->kind->queues; i++) {
		struct pollfd bell = { .fd = victim->kick[i], .events = POLLIN };
		struct pollfd end = { .fd = victim->child.pidfd, .events = POLLIN };

		while (poll(&bell, 1, 0) > 0 && clock_left_ms(deadline) > 0)
			if (poll(&end, 1, 1) > 0)
				return;
	}
}

enum fate victim_judge(struct victim *victim)
{
	eventfd_t count;
	bool served;

	let_it_see(victim);
	for (unsigned i = 0; i < victim->kind->queues; i++)
		(void)eventfd_read(victim->kick[i], &count);
	served = victim_reset(victim);
	if (!served)
		return end_of_connection(victim);
	served = victim->kind->asks(victim);
	if (said_by_a_sanitizer(victim))
		return FATE_CRASHED;
	return served ? FATE_SERVES : FATE_LOST;
}

bool victim_is_unharmed(struct victim *victim)
{
	char path[96];
	char text[16] = "";
	autoclose int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/secret", victim->folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text)) != 6 || memcmp(text, "secret", 6) != 0) {
		printf("# what lies beside was changed\n");
		return false;
	}
	if (count_files(victim) > victim->files_at_start + FDS_MORE) {
		printf("# it holds %u descriptors, at the start %u\n", count_files(victim),
		       victim->files_at_start);
		return false;
	}
	return true;
}

/* ---- a driver's means */

void victim_kick(const struct victim *victim, unsigned queue)
{
	(void)eventfd_write(victim->kick[queue], 1);
}

void *victim_at(const struct victim *victim, uint64_t gpa)
{
	return guestmem_at(&victim->mem, gpa, 1);
}

void victim_put_at(const struct victim *victim, uint64_t table, uint16_t index,
		   struct raw_desc desc)
{
	const struct vring_desc raw = {
		.addr = desc.gpa, .len = desc.len, .flags = desc.flags, .next = desc.next
	};

	(void)guestmem_write(&victim->mem, table + index * sizeof(raw), &raw, sizeof(raw));
}

/* The table stands first in a ring's space. */
void victim_put(const struct victim *victim, unsigned queue, uint16_t index, struct raw_desc desc)
{
	victim_put_at(victim, (uint64_t)queue * VICTIM_RING_SPACE, index, desc);
}

void victim_offer(struct victim *victim, unsigned queue, const struct raw_desc *chain, size_t count)
{
	for (size_t i = 0; i < count; i++)
		victim_put(victim, queue, (uint16_t)i, chain[i]);
	driver_ring_offer(&victim->ring[queue], 0);
}

bool victim_await(struct victim *victim, unsigned queue, uint32_t *ret_written)
{
	uint64_t deadline = clock_now_ms() + VICTIM_WAIT_MS;
	eventfd_t count;
	uint32_t head;

	while (!driver_ring_take(&victim->ring[queue], &head, ret_written)) {
		struct pollfd wait[] = { { .fd = victim->call[queue], .events = POLLIN },
					 { .fd = victim->child.pidfd, .events = POLLIN } };

		if (poll(wait, countof(wait), clock_left_ms(deadline)) <= 0 || wait[1].revents != 0)
			return false;
		(void)eventfd_read(victim->call[queue], &count);
	}
	return true;
}

int64_t victim_ask(struct victim *victim, const void *request, size_t len, size_t answer_max)
{
	unsigned queue = victim->kind->commands;
	const struct raw_desc chain[] = {
		{ VICTIM_SCRATCH, (uint32_t)len, answer_max > 0 ? VRING_DESC_F_NEXT : 0, 1 },
		{ ANSWER_AT, (uint32_t)answer_max, VRING_DESC_F_WRITE, 0 },
	};
	uint32_t written;

	memmove(victim_at(victim, VICTIM_SCRATCH), request, len);
	victim_offer(victim, queue, chain, answer_max > 0 ? 2 : 1);
	victim_kick(victim, queue);
	return victim_await(victim, queue, &written) ? (int64_t)written : -1;
}

const uint8_t *victim_answer(const struct victim *victim)
{
	return victim_at(victim, ANSWER_AT);
}
