/* Care of the sandbox's writable ext4 file systems, by descriptors of their roots. */
#ifndef SBX_INIT_DISKS_H
#define SBX_INIT_DISKS_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* Gives all free blocks back to the host; *ret_bytes is what the device was told. Negative fds:
 * skipped. */
int disks_trim(const int *fds, size_t count, uint64_t *ret_bytes, struct err *err);

/* Makes each file system as large as its device has become. */
int disks_grow(const int *fds, size_t count, struct err *err);

/* Writes everything down and lets nothing more in: the disk is as after an unmount. */
void disks_freeze(const int *fds, size_t count);

#endif
