/*
 * The person's terminal: colour, raw mode, size, a line that shows progress,
 * and text from others made harmless.
 */
#ifndef APP_TERMINAL_H
#define APP_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Colour on this descriptor: a terminal, not "dumb", and NO_COLOR is not set. */
bool terminal_has_colour(int fd);

/* Rows and columns; -errno when fd is no terminal, or its size is not known. */
int terminal_size(int fd, uint32_t *ret_rows, uint32_t *ret_columns);

/*
 * Raw mode: every key is a byte, nothing is echoed. One terminal at a time.
 * terminal_restore() brings the old mode back and is harmless without one; it
 * also runs when the process exits or dies of a signal that can be caught.
 */
int terminal_make_raw(int fd);
void terminal_restore(void);

/*
 * Prints text of strangers: control characters (C0, DEL, C1 in UTF-8) and
 * bytes that are no UTF-8 become \xNN, so that they cannot drive the terminal
 * or forge a line. Returns the columns taken, a character counted as one.
 */
size_t terminal_print_safe(FILE *to, const char *text);

/* What terminal_print_safe() would take. */
size_t terminal_safe_width(const char *text);

/*
 * Progress on stderr. When stderr is a terminal, and not a "dumb" one, the step is shown with a
 * spinner once it lasts over a second, and wiped at the end; else each step that
 * lasts over a second is printed as one plain line.
 */
struct progress {
	bool quiet, terminal;
	bool shown;	     /* the present step is on the screen */
	char text[128];	     /* the present step; "" when there is none */
	uint64_t started_ms; /* of the present step */
	unsigned frame;
};

enum { PROGRESS_TICK_MS = 100 };

void progress_init(struct progress *progress, bool quiet);
/* Begins a step; the one before has ended. The text may come from a stranger. */
void progress_step(struct progress *progress, const char *text);
/* To be called every PROGRESS_TICK_MS or so while waiting. */
void progress_tick(struct progress *progress);
/* Wipes the line; to be called before anything else is printed. */
void progress_finish(struct progress *progress);

#endif
