#include "sbxd/host.h"

#include <errno.h>

#include "base/err.h"
#include "tests/unit/test.h"

static const uint64_t gib = 1024ull * HOST_MIB;

TEST(this_host_has_something)
{
	struct host host;
	uint64_t room;

	host_read(&host);
	CHECK(host.cpus >= 1 && host.memory_bytes > 64ull * HOST_MIB);
	CHECK_EQ(host_free_space("/", &room), 0);
	CHECK_EQ(host_free_space("/nonexistent", &room), -ENOENT);
}

TEST(half_of_the_memory_within_limits)
{
	CHECK_EQ(host_memory_default(&(struct host){ .memory_bytes = 16 * gib }, 32 * gib),
		 8 * gib);
	CHECK_EQ(host_memory_default(&(struct host){ .memory_bytes = 512 * gib }, 32 * gib),
		 32 * gib);
	CHECK_EQ(host_memory_default(&(struct host){ .memory_bytes = gib / 2 }, 4 * gib), gib / 2);
	CHECK_EQ(host_memory_default(&(struct host){ .memory_bytes = 3 * gib + 4097 }, 4 * gib) %
			 HOST_MIB,
		 0);
}

TEST(zero_means_the_default)
{
	struct host host = { .cpus = 4, .memory_bytes = 16 * gib };
	struct err err = ERR_INIT;
	unsigned cpus = 0;
	uint64_t memory = 0;

	CHECK_EQ(host_check(&host, 32 * gib, &cpus, &memory, &err), 0);
	CHECK_EQ(cpus, 4);
	CHECK_EQ(memory, 8 * gib);
}

TEST(more_than_there_is_is_refused)
{
	struct host host = { .cpus = 4, .memory_bytes = 16 * gib };
	struct err err = ERR_INIT;
	unsigned cpus = 5;
	uint64_t memory = gib;

	CHECK_EQ(host_check(&host, 32 * gib, &cpus, &memory, &err), -EINVAL);
	CHECK(strstr(err.text, "5 CPUs") != NULL);
	cpus = 4;
	memory = 16 * gib + 1;
	CHECK_EQ(host_check(&host, 32 * gib, &cpus, &memory, &err), -EINVAL);
	memory = 127ull * HOST_MIB;
	CHECK_EQ(host_check(&host, 32 * gib, &cpus, &memory, &err), -EINVAL);
	memory = 16 * gib;
	CHECK_EQ(host_check(&host, 32 * gib, &cpus, &memory, &err), 0);
}

TEST_MAIN()
