/*
 * The host and sbx-init: what is said over vsock.
 *
 * The guest's pid 1 listens on vsock port GUEST_PORT (privileged, so no other
 * user of the guest can take it). The host opens one connection for each
 * thing it wants; vsock's credit is then the flow control of that thing
 * alone. The first frame on a connection is the request, everything after it
 * belongs to that request. When pid 1 is up it also connects once to host port
 * HOST_PORT_READY and closes: that knock is the readiness signal, no byte of
 * it is read.
 *
 * Each request is answered by one of
 *	GUEST_OK	done (SETUP, MOUNT, FAST_DIR, UNMOUNT, KILL, TRIM, GROW, CLOCK, PING)
 *	GUEST_ERROR	refused or failed: errno and a sentence; the end
 * or by the stream written beside it. After an OK the same connection may carry
 * the next request, so that a start costs one connection. Both ends check every
 * length; either end answers nonsense by closing.
 */
#ifndef WIRE_GUEST_H
#define WIRE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

struct buf;

enum { GUEST_PORT = 1, HOST_PORT_READY = 1 };

enum guest_type {
	/* requests, host to guest */
	GUEST_SETUP = 1,   /* HOSTNAME, REALTIME_NS, ENTROPY, ENV* (of every exec), AUTHORITY with
			      NAME (the hash of its subject, eight hexadecimal digits), COUNT
			      (most processes and threads; 0: no limit) */
	GUEST_MOUNT = 2,   /* SOURCE (entry name in the shared device), TARGET, FLAGS */
	GUEST_UNMOUNT = 3, /* TARGET */
	GUEST_EXEC = 4,	   /* ARG+, ENV*, CWD, USER, FLAGS, ROWS, COLUMNS, NAME (id, detached) */
	GUEST_PUSH =
		5, /* TARGET, FLAGS: a tar stream follows as GUEST_DATA, then GUEST_EOF; then OK */
	GUEST_PULL = 6,	  /* SOURCE, FLAGS: the guest sends GUEST_DATA (tar), then GUEST_EOF */
	GUEST_LOGS = 7,	  /* NAME (absent: newest), FLAGS follow: GUEST_DATA/GUEST_DATA_ERR, then
			     GUEST_EXIT or GUEST_EOF */
	GUEST_LIST = 8,	  /* detached execs: GUEST_ITEM*, then GUEST_EOF */
	GUEST_KILL = 9,	  /* NAME, SIGNAL: a detached exec */
	GUEST_WATCH = 10, /* GUEST_BUSY now and at each change, until either side closes */
	GUEST_CLOCK = 11, /* REALTIME_NS, ENTROPY (after the host slept) */
	GUEST_TRIM = 12,  /* discard free blocks of all writable disks; OK with BYTES */
	GUEST_GROW = 13,  /* the disks became larger: grow their file systems */
	GUEST_SHUTDOWN =
		14, /* FLAGS reboot: sync, unmount, power off; the VM's end is the answer */
	GUEST_PING = 15,
	GUEST_LAYER = 16, /* COUNT: layer of the root, 1 the lowest, 0 (absent) the sandbox's own:
			     the guest sends GUEST_DATA (tar), then GUEST_EOF */
	GUEST_FAST_DIR =
		17, /* TARGET, SOURCE (a path below it): a folder of the guest's own disk */

	/* the stream of a request, either way */
	GUEST_OK = 32,	     /* BYTES, NAME where the request says so */
	GUEST_ERROR = 33,    /* ERRNO, TEXT */
	GUEST_DATA = 34,     /* raw bytes: stdin (host to guest), stdout or tar */
	GUEST_DATA_ERR = 35, /* raw bytes: stderr */
	GUEST_EOF = 36,	     /* this direction is finished (half-close) */
	GUEST_RESIZE = 37,   /* ROWS, COLUMNS */
	GUEST_SIGNAL = 38,   /* SIGNAL, to the foreground process group */
	GUEST_EXIT = 39,     /* STATUS (0..255) or SIGNAL: last frame of EXEC */
	GUEST_BUSY = 40,     /* COUNT of detached execs still running */
	GUEST_ITEM = 41,     /* NAME, TEXT (command line), STATUS when ended, STARTED_NS */
};

enum guest_tag {
	GUEST_TAG_ARG = 1,	    /* string, in order */
	GUEST_TAG_ENV = 2,	    /* string "K=V", later wins */
	GUEST_TAG_CWD = 3,	    /* absolute path */
	GUEST_TAG_USER = 4,	    /* "USER[:GROUP]", names or numbers; default agent */
	GUEST_TAG_FLAGS = 5,	    /* u32, enum guest_flags */
	GUEST_TAG_ROWS = 6,	    /* u32 */
	GUEST_TAG_COLUMNS = 7,	    /* u32 */
	GUEST_TAG_NAME = 8,	    /* string: id of a detached exec */
	GUEST_TAG_SOURCE = 9,	    /* path or entry name */
	GUEST_TAG_TARGET = 10,	    /* absolute path */
	GUEST_TAG_HOSTNAME = 11,    /* string */
	GUEST_TAG_REALTIME_NS = 12, /* u64 since 1970 */
	GUEST_TAG_ENTROPY = 13,	    /* 32 to 512 random bytes */
	GUEST_TAG_ERRNO = 14,	    /* u32, positive, Linux numbers */
	GUEST_TAG_TEXT = 15,	    /* string, a sentence */
	GUEST_TAG_STATUS = 16,	    /* u32 */
	GUEST_TAG_SIGNAL = 17,	    /* u32, Linux numbers */
	GUEST_TAG_COUNT = 18,	    /* u32 */
	GUEST_TAG_BYTES = 19,	    /* u64 */
	GUEST_TAG_STARTED_NS = 20,  /* u64 since 1970 */
	GUEST_TAG_AUTHORITY = 21,   /* string: PEM of the certificate to trust */
};

enum guest_flags {
	GUEST_FLAG_TTY = 1 << 0,	  /* EXEC: on a pseudo-terminal */
	GUEST_FLAG_DETACH = 1 << 1,	  /* EXEC: OK with NAME at once, output kept in the guest */
	GUEST_FLAG_PRIVILEGED = 1 << 2,	  /* EXEC: as root */
	GUEST_FLAG_READ_ONLY = 1 << 3,	  /* MOUNT */
	GUEST_FLAG_FOLLOW = 1 << 4,	  /* LOGS: go on until it ends */
	GUEST_FLAG_FOLLOW_LINKS = 1 << 5, /* PULL: copy what links point to */
	GUEST_FLAG_REBOOT = 1 << 6,	  /* SHUTDOWN */
	GUEST_FLAG_FILE = 1 << 7,	  /* MOUNT: the source is a single file */
	GUEST_FLAG_STDIN = 1 << 8,	  /* EXEC: stdin follows; else it is /dev/null */
	GUEST_FLAG_INTO =
		1 << 9, /* PUSH: TARGET is a folder to unpack into; else TARGET itself is made */
};

enum {
	GUEST_ARGS_MAX = 4096,	  /* ARG fields */
	GUEST_ENV_MAX = 1024,	  /* ENV fields */
	GUEST_STRING_MAX = 32768, /* bytes of one string */
	GUEST_DATA_MAX = 32768,	  /* bytes in one DATA frame that we send */
};

/* A decoded request or answer. Absent strings are NULL, absent numbers 0. Owned. */
struct guest_message {
	enum guest_type type;
	char **args; /* args_count strings and a NULL */
	size_t args_count;
	char **env; /* env_count strings and a NULL */
	size_t env_count;
	char *cwd, *user, *name, *source, *target, *hostname, *text, *authority;
	uint32_t flags; /* enum guest_flags */
	uint32_t rows, columns, error, status, signal, count;
	uint64_t realtime_ns, bytes, started_ns;
	uint8_t entropy[512];
	size_t entropy_len;
	bool has_status; /* STATUS was there: 0 is an exit status too */
};

/*
 * Decodes a frame of any type but DATA, DATA_ERR. -EPROTO when a field is
 * malformed, beyond its limit, or the type is unknown; -ENOMEM. *ret is
 * written on success only; finish it.
 */
int guest_message_decode(const struct frame *frame, struct guest_message *ret);
void guest_message_finish(struct guest_message *message);

/* Appends the message as a frame; -EMSGSIZE when it exceeds a frame. */
int guest_message_append(struct buf *buf, const struct guest_message *message);

#endif
