#include "sbx-vmm/balloon.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/err.h"
#include "base/iov.h"
#include "sbx-vmm/local.h"
#include "sbx-vmm/ram.h"

/* virtio 1.2 §5.5.2 to §5.5.4; queues that no feature asks for do not exist and are not counted. */
enum {
	QUEUE_INFLATE = 0,
	QUEUE_REPORTING = 2,

	FEATURE_DEFLATE_ON_OOM = 1 << 2,
	FEATURE_REPORTING = 1 << 5,

	CONFIG_NUM_PAGES = 0,
	CONFIG_ACTUAL = 4,
	CONFIG_SIZE = 8,

	PAGE_SHIFT = 12,
	PAGES_AT_ONCE = 1024, /* of one chain; drivers send 256 */
};

struct balloon {
	struct local local;
	struct ram *ram; /* weak */
};

static struct balloon *balloon_of(struct local *local)
{
	return container_of(local, struct balloon, local);
}

/* Page numbers, le32 each; neighbours are discarded together. */
static void inflate(struct balloon *balloon, const struct virtq_chain *chain)
{
	struct iov numbers = iov_make(chain->vec, chain->readable);
	uint64_t first = 0, count = 0;
	uint8_t number[4];

	for (int i = 0; i < PAGES_AT_ONCE && iov_read(&numbers, number, sizeof(number)) == 0; i++) {
		uint64_t page = le32_load(number);

		if (count > 0 && page == first + count) {
			count++;
			continue;
		}
		ram_discard(balloon->ram, first << PAGE_SHIFT, count << PAGE_SHIFT);
		first = page;
		count = 1;
	}
	ram_discard(balloon->ram, first << PAGE_SHIFT, count << PAGE_SHIFT);
}

/* Free memory, as buffers that we might write; handing back zeroes is what discarding does. */
static void take_reported(struct balloon *balloon, const struct virtq_chain *chain)
{
	for (uint16_t i = chain->readable; i < chain->count; i++)
		ram_discard_host(balloon->ram, chain->vec[i].iov_base, chain->vec[i].iov_len);
}

/* Deflating needs nothing: a discarded page comes back by its first use. */
static uint32_t balloon_serve(struct local *local, unsigned queue, const struct virtq_chain *chain)
{
	if (queue == QUEUE_INFLATE)
		inflate(balloon_of(local), chain);
	else if (queue == QUEUE_REPORTING)
		take_reported(balloon_of(local), chain);
	return 0;
}

static void balloon_free(struct local *local)
{
	free(balloon_of(local));
}

static const struct local_impl balloon_impl = {
	.registers = { .device_id = 5,
		       .features = FEATURE_DEFLATE_ON_OOM | FEATURE_REPORTING,
		       .queues = 3,
		       .config_size = CONFIG_SIZE,
		       .writable = CONFIG_ACTUAL,
		       .writable_size = 4 },
	.name = "the balloon",
	.serve = balloon_serve,
	.free = balloon_free,
};

int balloon_create(struct ram *ram, struct loop *loop, struct device **ret, struct err *err)
{
	struct balloon *balloon = calloc(1, sizeof(*balloon));
	int r;

	if (balloon == NULL)
		return err_set_errno(err, -ENOMEM, "no memory for %s", balloon_impl.name);
	balloon->ram = ram;
	r = local_init(&balloon->local, &balloon_impl, &ram->map, loop, err);
	if (r < 0) {
		free(balloon);
		return r;
	}
	*ret = &balloon->local.device;
	return 0;
}

static uint32_t config_word(struct device *device, size_t offset)
{
	uint32_t word;

	(void)pthread_mutex_lock(&device->lock);
	word = le32_load(device->mmio.space + offset);
	(void)pthread_mutex_unlock(&device->lock);
	return word;
}

void balloon_set_target(struct device *device, uint64_t target_bytes)
{
	struct local *local = container_of(device, struct local, device);
	uint64_t size = balloon_of(local)->ram->size;
	uint8_t space[CONFIG_SIZE];

	le32_store(space + CONFIG_NUM_PAGES,
		   (uint32_t)((size - min_of(size, target_bytes)) >> PAGE_SHIFT));
	le32_store(space + CONFIG_ACTUAL, config_word(device, CONFIG_ACTUAL));
	device_set_config(device, space, sizeof(space));
}

uint64_t balloon_bytes(struct device *device)
{
	return (uint64_t)config_word(device, CONFIG_ACTUAL) << PAGE_SHIFT;
}
