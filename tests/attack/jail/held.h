/*
 * One of our programs, as it is installed, held by ptrace(2) at the instant when
 * its jail lacks nothing but the filter that it is about to set. Copies of it are
 * cheap; each sets the filter that the program would have set, then is made to
 * call what it never would. So the jail under test is the program's own, and no
 * program carries code for tests.
 *
 * All return 0 or -errno. x86-64 only. For one thread.
 */
#ifndef TESTS_ATTACK_JAIL_HELD_H
#define TESTS_ATTACK_JAIL_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "jail/spawn.h"

struct err;
struct sock_filter;

/* A line of a program's list; see tools/gen-seccomp.c. */
struct row {
	long number;
	int answer;   /* 0: allowed; else the errno of its refusal */
	int argument; /* -1: with any */
	uint64_t value;
};

enum how { CALL_RETURNED, CALL_KILLED, CALL_ENDED };

struct outcome {
	enum how how;
	long value; /* what it returned, -errno too; or the signal, or the exit status */
};

struct held {
	struct spawned child;
	struct user_regs_struct registers; /* before a call */
	uint64_t filter[6];		   /* the arguments of its own seccomp(2) */
	uint64_t second;		   /* address of a further sock_fprog; 0: none */
};

int held_start(struct held *held, const struct spawn_config *config, struct err *err);

/* For a thread that narrows the filter further: its copies set this one, too. */
int held_narrow(struct held *held, const struct sock_filter *filter, size_t len);

void held_finish(struct held *held);

/* A copy with the filter, or with all of the jail but the filter. */
int copy_start(const struct held *held, bool filtered, pid_t *ret);

int copy_call(const struct held *held, pid_t copy, long number, const uint64_t arguments[6],
	      struct outcome *ret);

/* Puts bytes into the copy's stack, at most 4096; the next put goes over them. */
int copy_put(const struct held *held, pid_t copy, const void *bytes, size_t len, uint64_t *ret);
int copy_get(const struct held *held, pid_t copy, void *ret, size_t len);

/* From here on its calls enter the kernel as those of a 32-bit program, by int 0x80. */
int copy_use_old_entry(const struct held *held, pid_t copy);

/* Fine for one that was killed or ended. */
void copy_finish(pid_t copy);

#endif
