/*
 * An error code with words, kept on the caller's stack.
 *
 * Functions whose failure a person will read take a `struct err *` (never
 * NULL) and return 0 or -errno. The sentence is set once, where the cause is
 * known, and says what happened, to what, and what to do; callers may put
 * context in front of it. Text that does not fit loses its middle: what happened and
 * why are at its ends.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum { ERR_TEXT_MAX = 1024 }; /* bytes with the terminating NUL */

struct err {
	int code; /* -errno, 0 when nothing failed */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT                      \
	{                             \
		.code = 0, .text = "" \
	}

/* Sets code (a -errno) and sentence; returns code. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int code, const char *format,
						  ...);

/* Like err_set, with ": " and the text of the errno appended. */
__attribute__((format(printf, 3, 4))) int err_set_errno(struct err *err, int code,
							const char *format, ...);

/* Puts "context: " before the sentence; returns the code, unchanged. */
__attribute__((format(printf, 2, 3))) int err_wrap(struct err *err, const char *format, ...);

#endif
