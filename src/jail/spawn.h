/*
 * Start a program in its own namespaces, in such a way that it is never lost.
 *
 * The child waits at a gate before exec. The parent writes its identity down
 * where a later supervisor finds it, then opens the gate with
 * jail_spawn_release(). If the parent dies first, the gate breaks and the child
 * exits: there is never a process that nobody knows of.
 *
 * The child is pid 1 of its pid namespace, leader of its own session, has an
 * empty environment (unless one is given), default signals and only the descriptors listed. Inside,
 * it has the caller's user and group ids. It stays a child of the caller, who
 * waits for it (pidfd); it ends by SIGKILL or by itself: the kernel hands no
 * other unhandled signal to a pid 1.
 */
#ifndef JAIL_SPAWN_H
#define JAIL_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/process.h"

struct err;
struct sock_filter;

enum { SPAWN_FDS_MAX = 16 };

struct jail_bind {
	const char *source; /* host path, file or folder */
	const char *target; /* absolute path inside */
	bool writable;	    /* a folder that files are made in; nothing there can be executed */
};

struct spawn_config {
	const char *program; /* absolute path of the executable */
	char *const *argv;   /* NULL-terminated */
	const int *fds;	     /* child's descriptors 3, 4, …; stay the caller's */
	size_t fds_count;    /* at most SPAWN_FDS_MAX */
	int stdout_fd;	     /* child's 1 and 2; -1: /dev/null. 0 is always /dev/null */
	/*
	 * For a program that is not ours (QEMU): an outer jail set up before exec. The root
	 * holds these read-only binds and nothing else, and capabilities, no_new_privs,
	 * limits and outer filter apply from its first instruction. NULL: our own
	 * program, which jails itself by jail_enter().
	 */
	const struct jail_bind *binds;	  /* ended by a NULL source; at most 32 */
	const struct sock_filter *filter; /* NULL: none; must allow execveat, sendto, exit_group */
	size_t filter_len;
	/*
	 * Keep the caller's network namespace: for sbx-net, whose sockets are the sandbox's way
	 * out. It has no capability over it, and its filter says which sockets it may make.
	 */
	bool network;
	char *const *environment; /* NULL-terminated; NULL: empty */
	bool weak; /* go on where the host refuses namespaces or a step of the outer jail */
};

struct spawned {
	struct process_id id; /* in the caller's pid namespace */
	int pidfd;	      /* owned */
	int gate;	      /* owned; see jail_spawn_release() */
};

int jail_spawn(const struct spawn_config *config, struct spawned *ret, struct err *err);

/*
 * Lets the child go on to exec; 0 once exec succeeded, else why it did not.
 * Also 0 for a child that was killed meanwhile, as its pidfd tells.
 */
int jail_spawn_release(struct spawned *child, struct err *err);

/*
 * Closes what is still owned. A child that was not released, or failed to
 * execute, ends and is waited for; a running one goes on.
 */
void spawned_finish(struct spawned *child);

#endif
