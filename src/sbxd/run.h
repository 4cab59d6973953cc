/*
 * One run of a sandbox: its processes from start to end, seen by its keeper,
 * to whom the run belongs. Nothing here is shared with another thread.
 */
#ifndef SBXD_RUN_H
#define SBXD_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "sbxd/idle.h"
#include "sbxd/network.h"
#include "sbxd/tail.h"
#include "wire/stream.h"

struct err;
struct record;
struct sandbox;

enum run_role { RUN_BLK, RUN_FS, RUN_VSOCK, RUN_NET, RUN_PROXY, RUN_ENGINE, RUN_ROLES };

/* Why a run ends. */
enum run_end {
	RUN_ASKED, /* somebody wants it stopped or removed */
	RUN_IDLE,
	RUN_DIED, /* a process of it ended; the sentence is in err */
};

struct run {
	int pidfds[RUN_ROLES]; /* owned; -1: none */
	int events_fd;	       /* owned: of sbx-vsock */
	int busy_fd;	       /* owned: GUEST_WATCH; -1: not connected */
	struct stream busy;    /* on busy_fd */
	int console_fd;	       /* owned; -1: none */
	int messages_fd;   /* owned: datagrams the programs print; -1: started by another daemon */
	int messages_far;  /* owned: where they print to; -1: as above */
	unsigned restarts; /* of sbx-blk */
	struct tail messages;
	struct network network;
	struct idle idle;
	uint64_t save_again_ms; /* no earlier, on clock_now_ms(), when the record is unsaved */
	bool is_ready;		/* the guest knocked */
	bool is_asked;		/* the guest shut down because we asked it to */
	uint8_t event[8];
	unsigned event_len; /* bytes of an event that came in parts */
};

struct run *run_create(void);
void run_destroy(struct run *run); /* closes; ends nothing */

/* "sbx-blk", …; the engine's name comes from the record. */
const char *run_role_name(enum run_role role, const struct record *record);

/* start.c: from nothing to a guest that answers. Deadlines inside. */
int run_start(struct sandbox *sandbox, struct run *run, struct err *err);

/*
 * start.c: another sbx-blk takes the place of the one that ended, and the VM goes on. An
 * error when the engine cannot go on with another one, or it happened too often.
 */
int run_restart_blk(struct sandbox *sandbox, struct run *run, struct err *err);

/* The request that mounts what the shared device calls `source`; both must outlive *ret. */
struct guest_message;
struct mount;
void run_make_mount(const struct mount *mount, char *source, struct guest_message *ret);

/* adopt.c: takes back the processes of the record; -ESRCH when one of them ended. */
int run_adopt(struct sandbox *sandbox, struct run *run, struct err *err);

/* Connects what the keeper listens to: events, console. */
int run_connect(struct sandbox *sandbox, struct run *run, struct err *err);

/* Opens the watch for detached commands; without it the sandbox counts as not busy. */
void run_watch_busy(struct sandbox *sandbox, struct run *run);

/*
 * watch.c: takes what happens until the deadline. 0 when the deadline came or
 * something that others must look at changed, -ESRCH with a sentence when a process ended.
 */
int run_step(struct sandbox *sandbox, struct run *run, uint64_t deadline_ms, struct err *err);
/* The line of the guest's console that tells why it ended, as of words.h; "" when none does. */
void run_console_reason(struct sandbox *sandbox, char *ret, size_t size);
enum run_end run_watch(struct sandbox *sandbox, struct run *run, struct err *err);

/* stop.c: asks the guest to shut down and waits for it, then ends what is left. */
void run_stop(struct sandbox *sandbox, struct run *run, unsigned timeout_s);
void run_kill(struct run *run);

#endif
