/*
 * What jail_spawn()'s child does between clone and exec. It runs in a copy of a
 * process that may have had other threads, so it calls only what is
 * async-signal-safe and allocates nothing; all it needs was prepared by the
 * parent.
 */
#ifndef JAIL_SPAWN_CHILD_H
#define JAIL_SPAWN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spawn_config;

struct spawn_plan {
	const struct spawn_config *config;
	int program;	  /* O_PATH */
	int null;	  /* /dev/null */
	int gate;	  /* the child's end; see spawn.c */
	char uid_map[32]; /* one line of /proc/PID/uid_map */
	char gid_map[32];
	bool own_namespaces; /* false: the host refused them, and config->weak */
};

/* What the child sends when it failed, before it exits. */
struct spawn_failure {
	uint32_t step; /* spawn_step_name() */
	int32_t code;  /* -errno */
};

_Noreturn void spawn_child(const struct spawn_plan *plan);

/* "open its root" and the like, or a word for an unknown step; for sentences. */
const char *spawn_step_name(uint32_t step);

#endif
