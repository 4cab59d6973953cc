/*
 * Another program run by its argument vector, never through a shell: nothing
 * to read, its output given to a callback or dropped, the end of what it says
 * on stderr kept for the sentence.
 */
#ifndef SBX_TOOL_H
#define SBX_TOOL_H

#include <stddef.h>

struct err;

/* Weak. */
struct tool {
	const char *const *argv; /* argv[0] is found in PATH; ends with NULL */
	const char *const
		*environment; /* "K=V" added to this process's own; ends with NULL; or NULL */
	int (*output)(void *context, const void *bytes, size_t len, struct err *err); /* or NULL */
	void *context;
};

/*
 * 0 when it ended with status 0. With a sentence: -ENOENT when it is not
 * installed, -EIO with its last words when it failed, -EINTR when a signal that
 * is held back came (sbx/interrupt.h), or what output returned.
 */
int tool_run(const struct tool *tool, struct err *err);

/* A folder of this user's own under TMPDIR or /tmp; *ret is owned by the caller. */
int tool_make_folder(char **ret, struct err *err);

#endif
