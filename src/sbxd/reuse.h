/*
 * Which sandbox a creation with `reuse` comes back to: the one of that name, or,
 * without a name, one that was made for the same purpose.
 */
#ifndef SBXD_REUSE_H
#define SBXD_REUSE_H

#include <stdbool.h>

struct record;
struct sandbox;
struct supervisor;

/*
 * named: the one called as the wanted record is. Else of those with the same agent, workspace and
 * labels the one used last; one that is damaged or being removed is not meant. A new reference,
 * or NULL. Lock `creation` held, so that what is not found can be made.
 */
struct sandbox *reuse_find(struct supervisor *supervisor, const struct record *wanted, bool named);

#endif
