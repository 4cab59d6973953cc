/*
 * Where this daemon keeps its things. State outlives the machine's uptime, the
 * run folder does not. Both belong to the user alone (0700); a run folder that
 * somebody else made first, in /tmp say, is refused.
 *
 *	state  $XDG_STATE_HOME/sbx, or ~/.local/state/sbx
 *	run    $XDG_RUNTIME_DIR/sbx, or /tmp/sbx-UID
 *
 * With an app name ID both end in sbx-ID.
 */
#ifndef SBXD_PATHS_H
#define SBXD_PATHS_H

struct err;

struct paths {
	char *state;	 /* owned, as all below */
	char *sandboxes; /* state/sandboxes: a folder for each, by name */
	char *log;
	char *lock; /* held by the one daemon of this state */
	char *run;
	char *runs; /* run/sandboxes: a folder for each that runs, by name */
	char *socket;
	char *home; /* of the user, resolved */
};

/* Finds the paths and makes the folders. app_name may be NULL. Finish also after a failure. */
int paths_init(struct paths *paths, const char *app_name, struct err *err);
void paths_finish(struct paths *paths);

/* "folder/name" in fresh memory, NULL when there is none. */
char *path_join(const char *folder, const char *name);

#endif
