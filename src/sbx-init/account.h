/*
 * What an image of others may lack, and a sandbox cannot do without: the user
 * `agent`, number 1000, as whom commands run and to whom the host's files belong.
 *
 * Made when no user has that name, at each start: a line in etc/passwd, its group,
 * a line in etc/shadow where there is one, membership in sudo, wheel and docker
 * where they are, a rule for sudo where it is, and a home. Another user with that
 * number keeps its name, but the number is shown as `agent`. docs/templates.md tells
 * what an image needs beside it: nothing, for commands; a shell, for a shell.
 */
#ifndef SBX_INIT_ACCOUNT_H
#define SBX_INIT_ACCOUNT_H

struct err;

/* root: a descriptor of the root folder. */
int account_ensure(int root, struct err *err);

#endif
