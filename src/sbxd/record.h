/*
 * What is known of a sandbox and kept on disk: STATE/sandboxes/NAME/sandbox.json,
 * always written whole. A record is enough to start the sandbox, and to find
 * its processes again after this daemon was killed.
 */
#ifndef SBXD_RECORD_H
#define SBXD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/process.h"
#include "sbxd/mounts.h"
#include "sbxd/name.h"
#include "sbxd/published.h"
#include "sbxd/string_list.h"
#include "sbxd/template.h"

struct err;

enum {
	RECORD_PIDS_MAX = 4194304,	 /* the kernel's own PID_MAX_LIMIT */
	RECORD_ID_SIZE = 17,		 /* 16 hexadecimal digits and a NUL */
	RECORD_PROCESSES_MAX = 8,	 /* engine and backends of one sandbox */
	RECORD_BYTES_MAX = 16 * 1048576, /* of a state file; 64 mounts of long paths fit */
	RECORD_ENV_MAX = 512,
	RECORD_LABELS_MAX = 64,
	RECORD_CID = 3, /* of every guest: each has a vsock of its own */
};

/*
 * The life of a sandbox. Who may do what in which state is in sandbox.h.
 * DAMAGED is never stored: it is what a record that cannot be read becomes.
 */
enum sandbox_status {
	SANDBOX_CREATING,
	SANDBOX_STOPPED,
	SANDBOX_STARTING,
	SANDBOX_RUNNING,
	SANDBOX_STOPPING,
	SANDBOX_REMOVING,
	SANDBOX_DAMAGED,
	SANDBOX_GONE, /* removed; only references remain */
};

/* How far a sandbox's kit was applied (kit_apply.h). */
enum record_kit {
	RECORD_KIT_NONE, /* it has none */
	RECORD_KIT_PENDING,
	RECORD_KIT_APPLYING, /* a daemon that finds this was cut off, and removes the sandbox */
	RECORD_KIT_APPLIED,
};

struct record_process {
	char name[16];
	struct process_id id;
};

struct record {
	char id[RECORD_ID_SIZE];
	char name[NAME_SIZE];
	enum sandbox_status status;
	char *agent;  /* owned, as all strings */
	char *reason; /* NULL: it is stopped because somebody asked */
	struct mounts mounts;
	unsigned cpus;
	uint64_t memory_bytes, disk_bytes, docker_disk_bytes;
	uint32_t pids_limit; /* processes and threads, to RECORD_PIDS_MAX; 0: none */
	char *engine;	     /* "qemu" */
	char *engine_why;
	char *kernel; /* NULL: the built one */
	/*
	 * What its root is made of, as it was at creation: a template of that name that comes
	 * later changes nothing. Without a name: of a daemon that had one image only; it becomes
	 * the default template at the next start.
	 */
	struct template template;
	struct string_list fast_dirs; /* below the workspace, see fast_dirs.h */
	struct string_list env;	      /* "K=V" */
	struct string_list labels;    /* "K=V" */
	struct published_list ports;
	char *extra_ca; /* file of certificates that its proxy trusts as well; NULL: none */
	bool keep_alive, weak_jail;
	bool is_fleeting; /* it is removed as soon as it is stopped, whoever or whatever stopped it
			   */
	enum record_kit kit;
	bool grown; /* a disk grew: tell the guest at the next start */
	int64_t created_at, started_at, stopped_at, last_used_at; /* seconds since 1970; 0: never */
	struct record_process processes[RECORD_PROCESSES_MAX];
	size_t processes_count;
};

const char *sandbox_status_name(enum sandbox_status status);

/* An empty record with a fresh id. */
void record_init(struct record *record, const char *name);
void record_finish(struct record *record);

/*
 * Replaces an owned string; text may be NULL. What is no UTF-8 is made printable: a reason may
 * repeat what a guest said, and a record that cannot be written would be lost. -ENOMEM.
 */
int record_set(char **member, const char *text);

/* The record as JSON text in fresh memory; NULL when memory is out. */
char *record_format(const struct record *record);

/* Reads what record_format() wrote; anything else is -EINVAL and a sentence. */
int record_parse(const char *text, size_t len, struct record *ret, struct err *err);

#endif
