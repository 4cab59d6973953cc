#include "sbxd/host.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

/* A guest with less does not get to its first command; by itself none gets so little. */
static const uint64_t memory_min = 128ull * HOST_MIB;
static const uint64_t memory_default_min = 512ull * HOST_MIB;

void host_read(struct host *ret)
{
	cpu_set_t set;
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	int cpus = 1;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = CPU_COUNT(&set);
	*ret = (struct host){ .cpus = (unsigned)max_of(cpus, 1),
			      .memory_bytes = (uint64_t)max_of(pages, 0) * (uint64_t)page };
}

uint64_t host_memory_default(const struct host *host, uint64_t engine_bytes)
{
	uint64_t half = host->memory_bytes / 2 / HOST_MIB * HOST_MIB;

	return min_of(max_of(half, memory_default_min), engine_bytes);
}

int host_check(const struct host *host, uint64_t engine_bytes, unsigned *cpus,
	       uint64_t *memory_bytes, struct err *err)
{
	if (*cpus > host->cpus)
		return err_set(err, -EINVAL, "%u CPUs are asked for, but this host has %u", *cpus,
			       host->cpus);
	if (*memory_bytes > host->memory_bytes)
		return err_set(err, -EINVAL,
			       "%" PRIu64
			       " MiB of memory are asked for, but this host has %" PRIu64,
			       *memory_bytes / HOST_MIB, host->memory_bytes / HOST_MIB);
	if (*memory_bytes != 0 && *memory_bytes < memory_min)
		return err_set(err, -EINVAL,
			       "a sandbox needs at least 128 MiB of memory, like 512m or 8g");
	if (*cpus == 0)
		*cpus = host->cpus;
	if (*memory_bytes == 0)
		*memory_bytes = host_memory_default(host, engine_bytes);
	*memory_bytes = *memory_bytes / HOST_MIB * HOST_MIB;
	return 0;
}

int host_free_space(const char *path, uint64_t *ret_bytes)
{
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return -errno;
	return u64_mul(st.f_bavail, st.f_frsize, ret_bytes);
}
