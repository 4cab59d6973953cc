/*
 * Look into a running process from outside and say how it is jailed: what
 * `sbx diagnose` reports is read from the kernel, not from what was asked.
 */
#ifndef JAIL_INSPECT_H
#define JAIL_INSPECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum jail_namespace {
	JAIL_NS_USER = 1 << 0,
	JAIL_NS_MOUNT = 1 << 1,
	JAIL_NS_PID = 1 << 2,
	JAIL_NS_IPC = 1 << 3,
	JAIL_NS_UTS = 1 << 4,
	JAIL_NS_NET = 1 << 5,
};

struct jail_report {
	unsigned own_namespaces; /* enum jail_namespace: differs from the caller's */
	uint64_t capabilities;	 /* effective, permitted and bounding, or-ed */
	int seccomp_mode;	 /* 2: filter */
	unsigned seccomp_filters;
	bool no_new_privs;
	bool root_is_empty; /* no readable entry, or only the listed binds for a foreign program */
};

/* -ESRCH, -EACCES or 0. */
int jail_inspect(pid_t pid, struct jail_report *ret);

/* The version of landlock that this kernel offers, from 1 on; -EOPNOTSUPP: none. */
int jail_landlock_abi(void);

/* From this version on it rules TCP: all that it does for a program that serves files. */
enum { JAIL_LANDLOCK_TCP = 4 };

/*
 * Whether landlock holds a process that was not allowed to go on without. No kernel
 * tells of it. But a program sets its filter last, and fails before that when landlock
 * cannot be set; so who has its filter has landlock, as far as the kernel has any.
 * serves_files: it is sbx-fs (jail.h).
 */
bool jail_has_landlock(const struct jail_report *report, bool serves_files);

#endif
