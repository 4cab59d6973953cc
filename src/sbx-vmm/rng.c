#include "sbx-vmm/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/err.h"
#include "sbx-vmm/local.h"

enum { BYTES_AT_ONCE = 4096 }; /* a driver that asks for more gets less, as it may (§5.4.6.1) */

/* The first buffers that may be written, up to the limit. */
static uint32_t rng_serve(struct local *local, unsigned queue, const struct virtq_chain *chain)
{
	size_t given = 0;

	(void)local;
	(void)queue;
	for (uint16_t i = chain->readable; i < chain->count && given < BYTES_AT_ONCE; i++) {
		size_t len = min_of(chain->vec[i].iov_len, BYTES_AT_ONCE - given);
		ssize_t n = getrandom(chain->vec[i].iov_base, len, 0);

		if (n < 0)
			break;
		given += (size_t)n;
		if ((size_t)n < chain->vec[i].iov_len)
			break;
	}
	return (uint32_t)given;
}

static void rng_free(struct local *local)
{
	free(local);
}

static const struct local_impl rng_impl = {
	.registers = { .device_id = 4, .queues = 1 },
	.name = "the entropy device",
	.serve = rng_serve,
	.free = rng_free,
};

int rng_create(const struct guestmem *mem, struct loop *loop, struct device **ret, struct err *err)
{
	struct local *local = calloc(1, sizeof(*local));
	int r;

	if (local == NULL)
		return err_set_errno(err, -ENOMEM, "no memory for %s", rng_impl.name);
	r = local_init(local, &rng_impl, mem, loop, err);
	if (r < 0) {
		free(local);
		return r;
	}
	*ret = &local->device;
	return 0;
}
