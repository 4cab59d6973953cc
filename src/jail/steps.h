/*
 * The steps of a jail, one function each. jail_enter() runs them in a program
 * of ours, spawn_child.c runs them for a foreign program between clone and
 * exec: so each is async-signal-safe (no allocation, no lock, no stdio).
 *
 * All return 0 or -errno.
 */
#ifndef JAIL_STEPS_H
#define JAIL_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jail_bind;
struct sock_filter;

enum { STEP_BINDS_MAX = 32 };

/*
 * -EPERM unless every namespace of this process was made for it alone; network: unless that of
 * the network was not.
 */
int step_namespaces(bool network);

/* Closes every descriptor from first on. */
int step_descriptors(unsigned first);

/* The root becomes a read-only tmpfs that holds nothing. Needs CAP_SYS_ADMIN. */
int step_root_empty(void);

/* The same, holding the binds (ended by a NULL source; -E2BIG beyond STEP_BINDS_MAX). */
int step_root_binds(const struct jail_bind *binds);

/*
 * No core dumps, at most so much locked memory and so many descriptors (or the hard limits where
 * they are lower).
 */
int step_limits(uint64_t max_files, uint64_t max_locked_bytes);

/* Empties all capability sets and locks them empty. Needs CAP_SETPCAP to be complete. */
int step_capabilities(void);

int step_no_new_privs(void);

/* What landlock leaves of the file system. */
enum landlock_leaves {
	LANDLOCK_LEAVES_NOTHING, /* no path can be opened */
	LANDLOCK_LEAVES_BINDS,	 /* binds can be used as they say, nothing else */
	LANDLOCK_LEAVES_FILES,	 /* all files within reach; no TCP, no signals and sockets of others
				  */
	LANDLOCK_LEAVES_BINDS_NETWORK, /* as BINDS, and TCP ports can be connected to */
	LANDLOCK_LEAVES_NETWORK,       /* as NOTHING, but TCP ports can be bound and connected to */
};

/*
 * Needs no_new_privs. binds: for LEAVES_BINDS, looked up in the present root.
 * -EOPNOTSUPP when the kernel's landlock is absent.
 */
int step_landlock(enum landlock_leaves leaves, const struct jail_bind *binds);

/* The last one: from here on only what the filter allows. All threads. */
int step_seccomp(const struct sock_filter *filter, size_t len);

#endif
