/*
 * A VMM that was taken over, before the backend of a device. The input is a script: an
 * action byte and what belongs to it. Whatever is said and in whatever order, the device
 * hears of each queue's start and end in turns, is kicked only in between, gets
 * chains that lie in the memory it was given, and hears of the end once.
 */
#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/loop.h"
#include "tests/fuzz/fuzz.h"
#include "vhost/backend.h"
#include "vhost/message.h"
#include "virtio/queue.h"

enum { QUEUES = 2, CONFIG = 16, MEMORY = 64 << 10, FDS_MAX = 3, HELD_MAX = 4 };

enum action {
	ACTION_MESSAGE, /* request, flags, descriptors, size of the payload (2), payload */
	ACTION_RAW,	/* size, bytes as they stand */
	ACTION_MEMORY,	/* offset (2), size, bytes: the guest writes */
	ACTION_KICK,	/* which */
	ACTION_ANSWER,	/* queue: gives back what the device holds */
	ACTION_CONFIG,	/* the configuration space changes */
	ACTIONS
};

/* What a message can carry, two bits each. */
enum carried { CARRIES_NOTHING, CARRIES_EVENT, CARRIES_MEMORY, CARRIES_SOCKET };

struct world {
	struct loop *loop;
	struct vhost_backend *backend;
	int socket; /* the frontend's end */
	int memory, event;
	bool started[QUEUES], closed;
	uint16_t held[QUEUES][HELD_MAX];
	unsigned held_count[QUEUES];
	struct virtq_chain chain;
};

/* Part of the script. */
struct script {
	const uint8_t *data;
	size_t size;
};

static uint8_t take_byte(struct script *script)
{
	if (script->size == 0)
		return 0;
	script->size--;
	return *script->data++;
}

static uint16_t take_word(struct script *script)
{
	uint16_t low = take_byte(script);

	return (uint16_t)(low | take_byte(script) << 8);
}

static size_t take_bytes(struct script *script, uint8_t *to, size_t len)
{
	if (len > script->size)
		len = script->size;
	memcpy(to, script->data, len);
	script->data += len;
	script->size -= len;
	return len;
}

static void config_read(void *device, uint8_t *config)
{
	(void)device;
	memset(config, 0x5a, CONFIG);
}

static void queue_started(void *device, unsigned index, struct virtq *queue)
{
	struct world *world = device;

	assert(index < QUEUES && !world->started[index] && !world->closed);
	assert(queue->config.size > 0 && queue->config.size <= VIRTQ_SIZE_MAX);
	world->started[index] = true;
	world->held_count[index] = 0;
}

static void queue_stopped(void *device, unsigned index)
{
	struct world *world = device;

	assert(index < QUEUES && world->started[index] && !world->closed);
	world->started[index] = false;
}

/* Touches all of it: under AddressSanitizer or by a fault, what is out of bounds shows. */
static void touch(const struct virtq_chain *chain)
{
	assert(chain->readable <= chain->count && chain->count <= VIRTQ_CHAIN_MAX);
	for (unsigned i = 0; i < chain->count; i++) {
		volatile uint8_t *at = chain->vec[i].iov_base;
		size_t len = chain->vec[i].iov_len;

		assert(len > 0 && len <= MEMORY);
		(void)at[0];
		(void)at[len - 1];
		if (i >= chain->readable)
			at[len - 1] = 1;
	}
}

/* The second queue's chains stay with the device as long as it has room. */
static void kicked(void *device, unsigned index, struct virtq *queue)
{
	struct world *world = device;

	assert(index < QUEUES && world->started[index] && !world->closed);
	for (unsigned i = 0; i < queue->config.size; i++) {
		if (index == 1 && world->held_count[1] == HELD_MAX)
			return;
		if (virtq_pop(queue, &world->chain) != 1)
			return;
		touch(&world->chain);
		if (index == 1)
			world->held[1][world->held_count[1]++] = world->chain.head;
		else
			virtq_push(queue, world->chain.head, 1);
	}
}

static void broken(void *device, unsigned index, const char *rule)
{
	const struct world *world = device;

	assert(index < QUEUES && world->started[index] && rule != NULL);
	(void)world;
}

static void closed(void *device, const char *why)
{
	struct world *world = device;

	assert(!world->closed && why != NULL);
	for (unsigned i = 0; i < QUEUES; i++)
		assert(!world->started[i]);
	world->closed = true;
}

static const struct vhost_device_impl impl = {
	.queues = QUEUES,
	.resumes = true,
	.config_size = CONFIG,
	.config_read = config_read,
	.queue_started = queue_started,
	.queue_stopped = queue_stopped,
	.kicked = kicked,
	.broken = broken,
	.closed = closed,
};

/* Lets the backend take what was said, and forgets its answers. */
static void settle(struct world *world)
{
	uint8_t bytes[4096];
	int fds[VHOST_MEMORY_MAX];
	size_t count;

	for (unsigned i = 0; i < 4 && !world->closed; i++)
		(void)loop_step(world->loop, 0);
	do {
		count = VHOST_MEMORY_MAX;
		if (fd_recv(world->socket, bytes, sizeof(bytes), fds, &count) <= 0)
			return;
		for (size_t i = 0; i < count; i++)
			(void)close(fds[i]);
	} while (true);
}

static size_t gather_fds(const struct world *world, uint8_t carried, int socket, int ret[FDS_MAX])
{
	const int kinds[] = { -1, world->event, world->memory, socket };
	size_t count = 0;

	for (unsigned i = 0; i < FDS_MAX; i++, carried >>= 2)
		if ((carried & 3) != CARRIES_NOTHING)
			ret[count++] = kinds[carried & 3];
	return count;
}

static void say(struct world *world, struct script *script)
{
	uint8_t bytes[VHOST_MESSAGE_MAX] = { 0 };
	uint8_t request = take_byte(script), flags = take_byte(script);
	uint8_t carried = take_byte(script);
	size_t len = take_word(script) % (VHOST_PAYLOAD_MAX + 1), count;
	int pair[2], fds[FDS_MAX];

	le32_store(bytes, request);
	le32_store(bytes + 4, flags);
	le32_store(bytes + 8, (uint32_t)len);
	(void)take_bytes(script, bytes + VHOST_HEADER_SIZE, len);
	if (fd_socketpair(pair) < 0)
		abort();
	count = gather_fds(world, carried, pair[1], fds);
	(void)fd_send(world->socket, bytes, VHOST_HEADER_SIZE + len, fds, count);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void say_raw(const struct world *world, struct script *script)
{
	uint8_t bytes[UINT8_MAX];
	size_t len = take_bytes(script, bytes, take_byte(script));

	if (len > 0)
		(void)fd_send(world->socket, bytes, len, NULL, 0);
}

static void write_memory(const struct world *world, struct script *script)
{
	uint8_t bytes[UINT8_MAX];
	off_t offset = take_word(script);
	size_t len = take_bytes(script, bytes, take_byte(script));

	if (offset <= MEMORY - UINT8_MAX && pwrite(world->memory, bytes, len, offset) < 0)
		abort();
}

static void answer(struct world *world, unsigned index)
{
	struct virtq *queue = vhost_backend_queue(world->backend, index);

	assert(queue == NULL || world->started[index]);
	if (queue == NULL || world->held_count[index] == 0)
		return;
	virtq_push(queue, world->held[index][--world->held_count[index]], 1);
	vhost_backend_signal(world->backend, index);
	vhost_backend_resume(world->backend, index);
}

static void act(struct world *world, struct script *script)
{
	switch ((enum action)(take_byte(script) % ACTIONS)) {
	case ACTION_MESSAGE:
		say(world, script);
		break;
	case ACTION_RAW:
		say_raw(world, script);
		break;
	case ACTION_MEMORY:
		write_memory(world, script);
		break;
	case ACTION_KICK:
		(void)eventfd_write(world->event, 1);
		break;
	case ACTION_ANSWER:
		answer(world, take_byte(script) % QUEUES);
		break;
	case ACTION_CONFIG:
		(void)vhost_backend_config_changed(world->backend);
		break;
	case ACTIONS:
		break;
	}
}

static void open_world(struct world *world)
{
	int pair[2];

	world->memory = memfd_create("guest", MFD_CLOEXEC);
	world->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (world->memory < 0 || world->event < 0 || ftruncate(world->memory, MEMORY) < 0 ||
	    fd_socketpair(pair) < 0 || fd_set_nonblock(pair[0], true) < 0 ||
	    loop_create(&world->loop) < 0 ||
	    vhost_backend_create(world->loop, pair[1], &impl, world, &world->backend) < 0)
		abort();
	world->socket = pair[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	struct script script = { data, size };

	/* A call may be a socket that nobody reads; in their jails our programs are pid 1. */
	(void)signal(SIGPIPE, SIG_IGN);
	memset(&world, 0, sizeof(world));
	open_world(&world);
	while (script.size > 0 && !world.closed) {
		act(&world, &script);
		settle(&world);
	}
	vhost_backend_destroy(world.backend);
	for (unsigned i = 0; i < QUEUES; i++)
		assert(!world.started[i]);
	loop_destroy(world.loop);
	(void)close(world.socket);
	(void)close(world.memory);
	(void)close(world.event);
	return 0;
}
