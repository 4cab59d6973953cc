/*
 * Where commands start in a sandbox: the target of its first mount, unless the
 * label sbx.workspace names another folder of the guest. Without a mount it is
 * the template's working directory.
 */
#ifndef SBXD_WORKSPACE_H
#define SBXD_WORKSPACE_H

struct record;

#define WORKSPACE_LABEL "sbx.workspace"

/* An absolute path in the guest, weak; NULL when there is none. */
const char *workspace_of(const struct record *record);

#endif
