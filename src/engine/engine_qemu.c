/*
 * The engine for hosts without hardware virtualization: QEMU translates the
 * guest's instructions (TCG). Slower than KVM by an order of magnitude for the
 * guest's own code, but the same kernel, disks, backends and init run on it.
 *
 * QEMU is a foreign and large program, so its jail is set up before its first
 * instruction: it sees only itself, its libraries and firmware, the kernel and
 * the initramfs, read-only, and a filter of syscalls (qemu.list) lies under
 * its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "engine/end.h"
#include "engine/engine.h"
#include "engine/qemu_args.h"
#include "engine/qmp.h"
#include "engine/tsc.h"
#include "seccomp_qemu.h"

#define QEMU_PROGRAM "/usr/bin/qemu-system-x86_64"

/* What QEMU needs of the host's file system, beside kernel and initramfs. */
static const struct jail_bind host_binds[] = {
	{ QEMU_PROGRAM, QEMU_PROGRAM, false },
	{ "/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", false },
	{ "/lib64", "/lib64", false },
	{ "/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", false },
	{ "/usr/share/qemu", "/usr/share/qemu", false },
	{ "/etc/ld.so.cache", "/etc/ld.so.cache", false },
};

enum { BINDS_MAX = countof(host_binds) + 4 /* kernel, initramfs, network, the end */ };

static int qemu_probe(struct err *ret_why)
{
	if (access(QEMU_PROGRAM, X_OK) < 0)
		return err_set(ret_why, -ENOENT,
			       "no %s; install it with: apt-get install qemu-system-x86",
			       QEMU_PROGRAM);
	(void)err_set(ret_why, 0,
		      access("/dev/kvm", F_OK) < 0
			      ? "no /dev/kvm here, so QEMU emulates the processor"
			      : "QEMU emulates the processor");
	return 0;
}

static void fill_binds(const struct engine_config *config, struct jail_bind binds[BINDS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < countof(host_binds); i++)
		if (access(host_binds[i].source, F_OK) == 0)
			binds[count++] = host_binds[i];
	binds[count++] = (struct jail_bind){ config->kernel, QEMU_KERNEL_PATH, false };
	binds[count++] = (struct jail_bind){ config->initramfs, QEMU_INITRAMFS_PATH, false };
	if (config->net_path != NULL)
		binds[count++] = (struct jail_bind){ config->net_path, QEMU_NET_PATH, false };
	binds[count] = (struct jail_bind){ NULL, NULL, false };
}

static int spawn(const struct engine_config *config, int control_fd, struct spawned *ret_child,
		 struct err *err)
{
	struct jail_bind binds[BINDS_MAX];
	struct qemu_args args;
	int r = qemu_args_init(&args, config, control_fd, tsc_measure_khz());

	fill_binds(config, binds);
	if (r < 0)
		(void)err_set_errno(err, r, "cannot make the command line of QEMU");
	else
		r = jail_spawn(
			&(struct spawn_config){
				.program = QEMU_PROGRAM,
				.argv = args.argv,
				.fds = args.fds,
				.fds_count = args.fds_count,
				.stdout_fd = config->messages_fd,
				.binds = binds,
				.filter = seccomp_qemu,
				.filter_len = countof(seccomp_qemu),
				.weak = config->weak_jail,
			},
			ret_child, err);
	qemu_args_finish(&args);
	return r;
}

static int qemu_start(const struct engine_config *config, struct spawned *ret_child,
		      struct err *err)
{
	autoclose int control_fd = -1;
	int r = fd_listen_unix(config->control_path, &control_fd);

	if (r < 0)
		return err_set_errno(err, r, "cannot listen at '%s'", config->control_path);
	return spawn(config, control_fd, ret_child, err);
}

static int qemu_wait(const struct engine_vm *vm, uint64_t deadline_ms, struct err *err)
{
	return qmp_call(vm->control_path, "{\"execute\":\"query-status\"}", deadline_ms, err);
}

static int qemu_kill(const struct engine_vm *vm, struct err *err)
{
	return engine_end(vm, "QEMU", err);
}

static int qemu_balloon(const struct engine_vm *vm, uint64_t target_bytes, uint64_t deadline_ms,
			struct err *err)
{
	char command[96];

	(void)snprintf(command, sizeof(command),
		       "{\"execute\":\"balloon\",\"arguments\":{\"value\":%" PRIu64 "}}",
		       target_bytes);
	return qmp_call(vm->control_path, command, deadline_ms, err);
}

const struct engine_impl engine_qemu = {
	.name = "qemu",
	.default_memory_bytes = UINT64_C(4) << 30,
	.probe = qemu_probe,
	.start = qemu_start,
	.wait = qemu_wait,
	.stop = NULL, /* there is no power button: the agent shuts down */
	.kill = qemu_kill,
	.replace_disks = NULL, /* QEMU reconnects only to sockets that it opened by a path */
	.balloon = qemu_balloon,
};
