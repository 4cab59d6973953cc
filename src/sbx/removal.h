/*
 * What removing a sandbox means beyond what sbxd does: telling what would be lost with
 * it, and taking away what it has outside of the daemon, a clone's remote (clone.h)
 * and a branch's copy (workcopy.h).
 */
#ifndef SBX_REMOVAL_H
#define SBX_REMOVAL_H

#include <jansson.h>
#include <stdbool.h>

struct client;
struct err;

/*
 * Warns on stderr of what a clone holds that nobody has fetched; that this cannot be found out
 * stops nobody. Starts a sandbox that has a clone: true when it may have.
 */
bool removal_warn(struct client *client, const json_t *sandbox);

/* Removes it with all that is its; -EBUSY when a session is attached and force is false. */
int removal_remove(struct client *client, const json_t *sandbox, bool force, struct err *err);

/* Takes away what is left of one that sbxd removed. */
void removal_release(const json_t *sandbox);

#endif
