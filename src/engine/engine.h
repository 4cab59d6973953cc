/*
 * Who runs the vCPUs. One table of functions for each engine: `kvm` (sbx-vmm)
 * and `qemu`.
 *
 * An engine gets connected vhost-user sockets of backends that already run, so
 * it needs no path of the host except kernel, initramfs and the network's socket. Its process is
 * jailed like a backend. A running VM is described by struct engine_vm alone,
 * which the supervisor keeps in its state: after a restart of the supervisor
 * the same functions work on the VM it finds again.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/process.h"
#include "jail/spawn.h"

struct err;

enum { ENGINE_DISKS_MAX = 8 };

struct engine_config {
	const char *kernel;    /* uncompressed ELF or bzImage, absolute path */
	const char *initramfs; /* absolute path */
	const char *vmm;       /* sbx-vmm, absolute path; for `kvm` only, NULL: there is none */
	const char *cmdline; /* kernel command line, without what the engine adds for its devices */
	const char *control_path; /* Unix socket the engine listens on, in the run folder */
	unsigned cpus;
	uint64_t memory_bytes;
	uint32_t cid; /* vsock context id of the guest, unique on no scope but this VM */
	/*
	 * A listening Unix socket; who connects reads the guest's console. While nobody does, what
	 * the guest prints is dropped: it can fill no disk. -1: nowhere.
	 */
	int console_fd;
	int messages_fd; /* the process's own stdout and stderr; -1: /dev/null */
	/* connected vhost-user sockets; stay the caller's */
	int disk_fds[ENGINE_DISKS_MAX]; /* /dev/vda, vdb, … in this order */
	size_t disks_count;
	int fs_fd;    /* virtio-fs, tag "sbx"; -1: none */
	int vsock_fd; /* -1: none */
	/*
	 * Unix socket at which the backend of eth0 waits for its frontend; NULL: none. By a path,
	 * because QEMU takes a network over no other socket.
	 */
	const char *net_path;
	bool weak_jail;
};

struct engine_vm {
	struct process_id process;
	const char *control_path; /* weak: the supervisor's */
};

struct engine_impl {
	const char *name; /* "qemu", "kvm" */
	/*
	 * What a VM gets at most when nobody said how much. Guest memory is lazy, but the
	 * guest describes every page of it at boot, which an emulated processor does slowly.
	 */
	uint64_t default_memory_bytes;
	/* Whether it can run here; the sentence says why not, or why it was chosen. */
	int (*probe)(struct err *ret_why);
	/* Spawns up to the gate: the caller writes child->id down, then releases. */
	int (*start)(const struct engine_config *config, struct spawned *ret_child,
		     struct err *err);
	/* Called after the release: waits until the VM runs or says why it does not. */
	int (*wait)(const struct engine_vm *vm, uint64_t deadline_ms, struct err *err);
	/* Presses the power button; the guest may take its time. Optional: the agent does it. */
	int (*stop)(const struct engine_vm *vm, struct err *err);
	/* Ends the VM now; 0 also when it had ended. */
	int (*kill)(const struct engine_vm *vm, struct err *err);
	/*
	 * The process that served all disks has ended, and another one serves the same images at
	 * these connected sockets, one for each disk: the VM goes on with it. They stay the
	 * caller's. Optional: without it the VM is lost.
	 */
	int (*replace_disks)(const struct engine_vm *vm, const int *fds, size_t count,
			     uint64_t deadline_ms, struct err *err);
	/* Asks the guest to give back memory until it uses target_bytes. */
	int (*balloon)(const struct engine_vm *vm, uint64_t target_bytes, uint64_t deadline_ms,
		       struct err *err);
};

extern const struct engine_impl engine_kvm;
extern const struct engine_impl engine_qemu;

/* The engine called name, or the best that works here for "auto"; *ret_why says why. */
int engine_choose(const char *name, const struct engine_impl **ret, struct err *ret_why);

/* The engine called so, whether or not it works here; NULL: none is. */
const struct engine_impl *engine_named(const char *name);

#endif
