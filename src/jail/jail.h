/*
 * Lock this process in, before it reads the first hostile byte (DESIGN: one
 * hostile interface, one process, one jail).
 *
 * jail_spawn() (spawn.h) starts a program in fresh user, mount, pid, ipc, uts
 * and network namespaces (sbx-net keeps the network's). The program calls
 * jail_enter() first thing in main(): it closes every descriptor that it was
 * not given, makes an empty root, drops all capabilities, sets no_new_privs,
 * rlimits, landlock and, last, its seccomp filter. Each step is a function in
 * jail_linux.c; a step that the host cannot offer fails the start with a
 * sentence, unless weak is set: then it is skipped and its bit is in the answer.
 */
#ifndef JAIL_JAIL_H
#define JAIL_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct sock_filter;

enum jail_step {
	JAIL_NAMESPACES = 1 << 0, /* checked: this process has its own */
	JAIL_DESCRIPTORS = 1 << 1,
	JAIL_ROOT = 1 << 2,
	JAIL_LIMITS = 1 << 3,
	JAIL_CAPABILITIES = 1 << 4,
	JAIL_NO_NEW_PRIVS = 1 << 5,
	JAIL_LANDLOCK = 1 << 6,
	JAIL_SECCOMP = 1 << 7,
};

struct jail_config {
	const char *name; /* of the program, for sentences */
	int keep_fds;	  /* descriptors 0 .. keep_fds-1 stay open */
	const struct sock_filter
		*filter;    /* allow-list made by tools/gen-seccomp, kills the process else */
	size_t filter_len;  /* instructions */
	uint64_t max_files; /* RLIMIT_NOFILE; 0: keep_fds + 16 */
	uint64_t max_locked_bytes; /* RLIMIT_MEMLOCK: for who keeps secrets out of swap */
	bool serves_files;	   /* sbx-fs: landlock leaves the files of its mounts alone */
	bool network; /* sbx-net: started with spawn_config.network; landlock leaves TCP alone */
	bool weak;    /* --allow-weak-jail */
};

/* Enters; *ret_skipped gets the enum jail_step bits that were skipped (0 unless weak). */
int jail_enter(const struct jail_config *config, unsigned *ret_skipped, struct err *err);

#endif
