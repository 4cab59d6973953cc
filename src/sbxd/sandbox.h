/*
 * One sandbox: its record, its state, and what is wanted of it.
 *
 * Slow work is done by the sandbox's own thread, the keeper (keeper.c): it
 * creates, starts, watches, stops and removes. Everybody else takes `lock` for
 * a moment, says what is wanted, and waits on `changed` with a deadline. So no
 * sandbox ever waits for another one, an operation goes on when the client
 * that asked for it leaves, and two clients that ask for the same thing share
 * one operation.
 *
 *	CREATING  the keeper makes disks     -> STOPPED, or GONE when it failed
 *	STOPPED   no process; start, remove, change of record
 *	STARTING  the keeper starts          -> RUNNING, or STOPPED when it failed
 *	RUNNING   the keeper watches         -> STOPPING
 *	STOPPING  the keeper stops           -> STOPPED
 *	REMOVING  the keeper deletes         -> GONE
 *	DAMAGED   the record is unreadable; only remove
 *	GONE      not in the table any more; references may still be held
 */
#ifndef SBXD_SANDBOX_H
#define SBXD_SANDBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "sbxd/record.h"
#include "sbxd/tail.h"

struct kit;
struct run;
struct supervisor;

enum sandbox_operation { SANDBOX_CREATE, SANDBOX_START, SANDBOX_STOP, SANDBOX_REMOVE };

/* A connection that came to a published port. */
struct sandbox_arrival {
	int fd; /* owned */
	uint16_t port;
	bool is_early; /* it came before the sandbox ran */
};

enum { SANDBOX_ARRIVALS_MAX = 64 };

struct sandbox {
	struct list node;	       /* in the table, under its lock */
	struct supervisor *supervisor; /* weak, outlives all sandboxes */
	unsigned references;	       /* under the table's lock */

	pthread_mutex_t mount_lock; /* one mount is added at a time; taken before the others */
	pthread_mutex_t save_lock;  /* held while the record is written; taken before `lock` */
	pthread_mutex_t lock;	    /* all below */
	pthread_cond_t changed;	    /* any of it; clock: CLOCK_MONOTONIC */
	struct record record;
	bool is_unsaved; /* it could not be written; the keeper of a running sandbox tries again */
	bool keeper_runs;
	int wake_fd; /* owned eventfd: want_* changed, for a keeper that watches */
	bool want_start, want_stop, want_remove;
	unsigned stop_timeout_s;
	const char *progress; /* a literal: what the keeper is doing; NULL: nothing */
	unsigned progress_number;
	unsigned finished[SANDBOX_REMOVE + 1]; /* operations that succeeded, by kind */
	unsigned failed[SANDBOX_REMOVE + 1];   /* and that failed */
	struct err failure;		       /* the last one */
	struct tail setup_output;	       /* what the command of the kit printed that failed */
	unsigned sessions, busy;
	struct tail console;
	/*
	 * What sbx-net and sbx-proxy are to know has a generation: the one that is wanted,
	 * and the one that both said they work by. See network.h.
	 */
	uint64_t network_wanted, network_applied;
	unsigned flows;					       /* connections that are open */
	struct sandbox_arrival arrivals[SANDBOX_ARRIVALS_MAX]; /* for the keeper to hand over */
	size_t arrivals_count;
	bool ports_stale;    /* the keeper is to hand over the sockets of published ports again */
	struct run *adopted; /* owned; a run found at the daemon's start, for the keeper */
	/* fixed from creation on, readable without lock */
	struct kit *kit;   /* owned; NULL: none */
	char *folder;	   /* owned: of state */
	char *run_folder;  /* owned */
	char *vsock_path;  /* owned: sbx-vsock's socket in run_folder */
	char *share_path;  /* owned: sbx-fs's control socket in run_folder */
	char *link_path;   /* owned: where sbx-net waits for the engine */
	char *net_path;	   /* owned: sbx-net's control socket */
	char *proxy_path;  /* owned: sbx-proxy's */
	char *engine_path; /* owned: the engine's control socket */
	char *screen_path; /* owned: the console's socket */
};

/* An operation that was asked for, and how to see that it ended. */
struct sandbox_ticket {
	enum sandbox_operation operation;
	unsigned finished, failed; /* the counters when it was asked for */
	bool is_done;		   /* there was nothing to do */
};

/* A sandbox with one reference; takes the record over. */
int sandbox_create(struct supervisor *supervisor, struct record *record, struct sandbox **ret);
/* Only the table calls this, for the last reference. */
void sandbox_destroy(struct sandbox *sandbox);

/*
 * Asks for an operation; -EBUSY with a sentence when the state forbids it. For
 * SANDBOX_STOP, timeout_s is what the guest has for shutting down.
 */
int sandbox_request(struct sandbox *sandbox, enum sandbox_operation operation, unsigned timeout_s,
		    struct sandbox_ticket *ret, struct err *err);

/* 0 when it may be changed: -EBUSY or -ENOENT, with a sentence, when it is damaged or goes. */
int sandbox_check(struct sandbox *sandbox, struct err *err);

/* 1 when it succeeded, 0 when it is under way, or how it failed. Call with the lock held. */
int sandbox_ticket_check(struct sandbox *sandbox, const struct sandbox_ticket *ticket,
			 struct err *err);

/* Waits for the end of an operation. -ETIMEDOUT. */
int sandbox_wait(struct sandbox *sandbox, const struct sandbox_ticket *ticket, uint64_t deadline_ms,
		 struct err *err);

/* Starts it when needed and returns once it runs. */
int sandbox_ensure_running(struct sandbox *sandbox, struct err *err);

/* Waits on `changed`, lock held, until deadline_ms of clock_now_ms(). */
void sandbox_wait_change(struct sandbox *sandbox, uint64_t deadline_ms);

/* Makes a keeper that watches look again. Lock held. */
void sandbox_poke(struct sandbox *sandbox);

/* Writes the record; call without the lock. */
int sandbox_save(struct sandbox *sandbox, struct err *err);

/* The keeper's side: status or progress changes, and everyone waiting is told. */
void sandbox_set_status(struct sandbox *sandbox, enum sandbox_status status);
void sandbox_set_progress(struct sandbox *sandbox, const char *literal);
void sandbox_finish_operation(struct sandbox *sandbox, enum sandbox_operation operation,
			      const struct err *failure);

#endif
