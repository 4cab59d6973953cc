/*
 * A sandbox made of the installed programs as sbxd makes one: sbx-vmm with the
 * machine's /dev/kvm and each kind of device program, all in jails of their own, around a
 * guest of a few instructions. Beside what the programs are given lies a file that nobody
 * may touch.
 */
#ifndef TESTS_ATTACK_MACHINE_SANDBOX_H
#define TESTS_ATTACK_MACHINE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "jail/spawn.h"

enum { SANDBOX_PATIENCE_MS = 120000, SANDBOX_LINE_MAX = 256, SANDBOX_BACKENDS = 4 };

struct sandbox_programs {
	const char *vmm, *guest;	       /* absolute paths, as are the next */
	const char *backend[SANDBOX_BACKENDS]; /* sbx-blk, sbx-fs, sbx-vsock, sbx-net */
};

struct sandbox {
	const struct sandbox_programs *programs;
	char folder[32];
	char control[64]; /* path of its socket */
	struct spawned vmm, backend[SANDBOX_BACKENDS];
	int log;     /* of all, what they said */
	int console; /* connected */
	char text[4096];
	size_t len; /* of text that was read and not yet taken */
	uint64_t balloon_pages;
	struct err err;
};

/* words: the guest's command line. */
bool sandbox_start(struct sandbox *sandbox, const struct sandbox_programs *programs,
		   const char *words);

/* The next line of the console, cut at SANDBOX_LINE_MAX. */
enum sandbox_news {
	SANDBOX_SAID,	/* *line has it, NUL-ended and printable */
	SANDBOX_ENDED,	/* sbx-vmm is gone */
	SANDBOX_SILENT, /* nothing came in time */
};
enum sandbox_news sandbox_line(struct sandbox *sandbox, char line[SANDBOX_LINE_MAX]);

/*
 * An honest guest (witness=1) has all its devices serve it, within SANDBOX_PATIENCE_MS.
 */
bool sandbox_serves(struct sandbox *sandbox);

/* What lies beside is as it was, and no sanitizer said anything. */
bool sandbox_is_whole(const struct sandbox *sandbox);

/*
 * All processes have ended, or do so now because the machine ended; by themselves, with a
 * sentence and nothing said by a sanitizer. False also when they must be killed. sentence: the
 * last one of sbx-vmm.
 */
bool sandbox_ended_well(struct sandbox *sandbox, char sentence[SANDBOX_LINE_MAX]);

/* Ends what runs, and forgets everything. */
void sandbox_finish(struct sandbox *sandbox);

#endif
