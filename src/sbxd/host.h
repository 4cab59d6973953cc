/*
 * What this machine has, and what a sandbox gets of it by default.
 */
#ifndef SBXD_HOST_H
#define SBXD_HOST_H

#include <stdint.h>

struct err;

enum { HOST_MIB = 1024 * 1024 };

struct host {
	unsigned cpus;	       /* that this process may use */
	uint64_t memory_bytes; /* of the whole machine */
};

void host_read(struct host *ret);

/* Half of the memory, at least 512 MiB, at most what the engine gives by default, whole MiB. */
uint64_t host_memory_default(const struct host *host, uint64_t engine_bytes);

/* Fills in the defaults for 0 and refuses what this host cannot give. */
int host_check(const struct host *host, uint64_t engine_bytes, unsigned *cpus,
	       uint64_t *memory_bytes, struct err *err);

/* Bytes that this user may still write where path is. */
int host_free_space(const char *path, uint64_t *ret_bytes);

#endif
