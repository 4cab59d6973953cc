/*
 * Names of sandboxes: 2 to 63 characters, letters, digits, '-' and '.', the
 * first and the last a letter or digit, and not "default". A name is also a
 * file name and the guest's hostname, so nothing else may ever pass.
 */
#ifndef SBXD_NAME_H
#define SBXD_NAME_H

#include <stdbool.h>

struct err;

enum { NAME_SIZE = 64 }; /* bytes with the NUL */

bool name_is_valid(const char *name);
int name_check(const char *name, struct err *err);

/*
 * The name for a sandbox nobody named: AGENT-BASENAME of the workspace (or the
 * agent alone), what a name cannot hold made '-', with "-N" for attempts N > 1.
 */
void name_suggest(const char *agent, const char *workspace, unsigned attempt, char ret[NAME_SIZE]);

#endif
