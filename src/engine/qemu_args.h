/*
 * The command line of QEMU for one VM: a microvm machine with modern
 * virtio-mmio, shared guest memory and nothing that was not asked for.
 *
 * Descriptors are numbered as jail_spawn() hands them over: 3, 4, … in the
 * order of `fds`.
 */
#ifndef ENGINE_QEMU_ARGS_H
#define ENGINE_QEMU_ARGS_H

#include <stddef.h>

#include "engine/engine.h"

enum {
	QEMU_ARGS_MAX = 96,
	QEMU_FDS_MAX = ENGINE_DISKS_MAX + 5 /* disks, fs, vsock, net, console, control */
};

/* Where the jail shows what QEMU opens by path. */
#define QEMU_KERNEL_PATH "/kernel"
#define QEMU_NET_PATH "/net.sock"
#define QEMU_INITRAMFS_PATH "/initramfs"

struct qemu_args {
	char *argv[QEMU_ARGS_MAX + 1]; /* owned, NULL-terminated */
	size_t argc;
	int fds[QEMU_FDS_MAX]; /* weak */
	size_t fds_count;
};

/*
 * control_fd: the listening socket of the monitor. tsc_khz: the speed of the time stamp counter, 0
 * when it is not known. -E2BIG, -ENOMEM. Finish also after a failure.
 */
int qemu_args_init(struct qemu_args *args, const struct engine_config *config, int control_fd,
		   uint32_t tsc_khz);
void qemu_args_finish(struct qemu_args *args);

#endif
