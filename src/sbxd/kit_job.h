/* One application of a kit, and steps of it in the guest. For kit_apply.c and kit_files.c. */
#ifndef SBXD_KIT_JOB_H
#define SBXD_KIT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sbxd/tail.h"

struct kit;
struct sandbox;

enum { KIT_WORDS_MAX = 6 };

/* Where a template's own folder for work is: install commands run there. */
#define KIT_FOLDER "/home/agent/workspace"

struct kit_job {
	struct sandbox *sandbox; /* weak, as all */
	const struct kit *kit;
	const char *workspace; /* the first mount, or KIT_FOLDER */
	struct tail output;    /* of the last step; owned */
	bool has_files;	       /* kit.tar is in the guest */
	struct err err;
	int result;
	bool is_done; /* under the sandbox's lock, and result with it */
};

struct kit_step {
	const char *what; /* for the sentence when it fails */
	const char *user; /* NULL: agent */
	const char *cwd;  /* NULL: the user's home */
	const char *const *args;
	size_t args_count;
	const char *input; /* what it reads; NULL: nothing */
	size_t input_len;
	uint64_t timeout_ms; /* 0: that of a small step */
};

/* Runs it to its end; a status other than 0 is -EIO. */
int kit_job_run(struct kit_job *job, const struct kit_step *step, struct err *err);

/* Runs a shell script of ours; words (ends with NULL; at most KIT_WORDS_MAX) are its $1, $2, … */
int kit_job_script(struct kit_job *job, const char *what, const char *user, const char *script,
		   const char *const *words, struct err *err);

#endif
