/*
 * Disk images: raw, sparse, ext4. Only what the guest wrote takes space on the
 * host, and what it discards is given back.
 */
#ifndef SBXD_DISK_H
#define SBXD_DISK_H

#include <stddef.h>
#include <stdint.h>

struct err;

#define DISK_MIN_BYTES (512ull << 20)
#define DISK_MAX_BYTES (16ull << 40) /* ext4 with 4 KiB blocks */
#define DISK_DEFAULT_BYTES (20ull << 30)
#define DISK_DOCKER_DEFAULT_BYTES (10ull << 30)

int disk_check_size(const char *what, uint64_t bytes, struct err *err);

struct disk_wanted {
	const char *path; /* weak; nothing is there yet */
	uint64_t bytes;
};

enum { DISK_TOGETHER_MAX = 2 }; /* of a sandbox */

/*
 * Makes images with empty file systems, at most DISK_TOGETHER_MAX, all at once; when one fails
 * nothing is left of any.
 */
int disk_make(const struct disk_wanted *disks, size_t count, struct err *err);

/* Makes the image larger; its file system is grown by the guest. Never smaller. */
int disk_grow(const char *path, uint64_t bytes, struct err *err);

/* The size it has, and the bytes it takes on the host. */
int disk_measure(const char *path, uint64_t *ret_size, uint64_t *ret_allocated);

#endif
