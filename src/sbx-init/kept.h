/* Finding, reading and ending what keep.h keeps, from other processes. */
#ifndef SBX_INIT_KEPT_H
#define SBX_INIT_KEPT_H

#include <stdbool.h>

/* Letters, digits, '.', '-', '_', not '.' first, at most KEEP_NAME_MAX. */
bool kept_is_name(const char *name);

/* One more than the largest number that names an exec in the folder root. */
unsigned kept_next_number(int root);

/* Removes the oldest that ended until no more than `most` execs are left, or only running ones. */
void kept_prune(int root, unsigned most);

#endif
