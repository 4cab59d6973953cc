/*
 * A cgroup for each sandbox, below one that was delegated to the daemon: systemd marks what
 * Delegate=yes makes by the attribute user.delegate. Such a cgroup then holds
 *
 *	daemon        who was in it before: one with processes of its own limits none below
 *	sandbox-NAME  the processes of that sandbox, with memory.max and pids.max, as far as
 *	              the memory and pids controllers were delegated
 *
 * Without delegation nothing is made and nothing is moved. Version 2 alone; see cgroup-v2.rst
 * of the kernel, "Delegation" and "No Internal Process Constraint".
 */
#ifndef SBXD_CGROUP_H
#define SBXD_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

struct err;

struct cgroup_limits {
	uint64_t memory_bytes;
	unsigned processes; /* threads, as the kernel counts */
};

/*
 * Takes the cgroup that was delegated to this process, and moves what is in it to `daemon`: an
 * owned descriptor, 0 when none was delegated, -errno with a sentence.
 */
int cgroup_take(struct err *err);

/*
 * What /proc/PID/cgroup names, a path from the root of version 2, without a `daemon` at its
 * end: who is there already was moved by us. In place; NULL without version 2.
 */
char *cgroup_parse(char *text);

/* Makes the cgroup of a sandbox, or takes the one that is there, and sets its limits. */
int cgroup_make(int delegated, const char *sandbox, const struct cgroup_limits *limits, int *ret_fd,
		struct err *err);

/* Moves a process, with all of its threads; -errno. */
int cgroup_add(int cgroup, pid_t pid);

/* Removes the cgroup of a sandbox that has ended. delegated may be 0. */
void cgroup_remove(int delegated, const char *sandbox);

#endif
