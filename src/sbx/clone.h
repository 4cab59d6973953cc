/*
 * Clone mode for the commands that make and remove sandboxes: a private clone of
 * the repository on the sandbox's own disk.
 *
 * The folder that was named is in the guest at CLONE_SOURCE, read-only; the clone is
 * made from it by the guest's git at the host's path of the repository. The user's
 * repository gets a remote `sandbox-NAME` whose URL sbx://NAME is served by the
 * program git-remote-sbx (cmd_remote.c): `git fetch sandbox-NAME` runs
 * git-upload-pack in the sandbox. Fetched branches are refs/remotes/sandbox-NAME/...
 * and, for the time after the sandbox, refs/sandboxes/NAME/...
 *
 * Labels say what it is: sbx.clone is the clone's folder, also on the host;
 * sbx.workspace, where commands start (sbxd/workspace.h).
 */
#ifndef SBX_CLONE_H
#define SBX_CLONE_H

#include <jansson.h>
#include <stdbool.h>

#include "git/repository.h"

struct buf;
struct client;
struct err;

#define CLONE_SOURCE "/run/sandbox/source"
#define CLONE_LABEL "sbx.clone"
#define CLONE_LABEL_WORKSPACE "sbx.workspace"

/* The repository that path is in, when it can be cloned; to be finished. */
int clone_begin(const char *path, struct repository *ret, struct err *err);

/* Puts its mounts in front of the body's, and adds the labels. */
int clone_add(const struct repository *repository, json_t *body, struct err *err);

/* The clone's folder, "" for a sandbox without one; weak. */
const char *clone_folder_of(const json_t *sandbox);

/*
 * Makes the clone in a running sandbox, unless it is there; a clone that was begun is made anew.
 * Also gives the user's repository its remote.
 */
int clone_fill(struct client *client, const json_t *sandbox, struct err *err);

/*
 * Appends a sentence when the clone has what the user has not fetched, or when that cannot be
 * found out. Starts the sandbox.
 */
int clone_warn(struct client *client, const json_t *sandbox, struct buf *ret, struct err *err);

/* Takes the remote away after the sandbox was removed. */
void clone_release(const json_t *sandbox);

#endif
