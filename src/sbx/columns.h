/*
 * A table of text for people: columns as wide as their widest cell, parted by
 * three spaces, the last one as long as it is. Cells may come from strangers; they
 * are printed by terminal_print_safe().
 */
#ifndef SBX_COLUMNS_H
#define SBX_COLUMNS_H

#include <stddef.h>
#include <stdio.h>

enum { COLUMNS_MAX = 12 };

struct columns {
	size_t count; /* columns */
	char **cells; /* owned strings, row after row */
	size_t used;
};

void columns_init(struct columns *columns, size_t count);
void columns_finish(struct columns *columns);

/* Adds a row of `count` strings, which are copied; -ENOMEM. */
int columns_add(struct columns *columns, const char *const *row);

void columns_print(const struct columns *columns, FILE *to);

#endif
