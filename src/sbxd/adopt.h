/*
 * What a starting daemon does with what an earlier one left behind.
 *
 * Running sandboxes are taken back by the identity of their processes. What
 * was half-done is finished in the direction of safety: a creation or removal
 * is removed, a start is ended, a stop goes on. A record that cannot be read
 * is looked for beside its sockets, and else makes a `damaged` sandbox, which can be listed and
 * removed.
 */
#ifndef SBXD_ADOPT_H
#define SBXD_ADOPT_H

struct err;
struct supervisor;

/* Fills the table from the state folder. */
int adopt_all(struct supervisor *supervisor, struct err *err);

#endif
