/*
 * settings.json in the user's configuration folder ($XDG_CONFIG_HOME/sbx, or
 * ~/.config/sbx): an object of dotted keys. What is not in it has the value
 * below. A file that cannot be read, a key that nobody knows and a value of
 * another type are refused, so that a slip never opens what was to be closed.
 *
 *	env.rememberHostCommands boolean (false): an environment's commands are not asked about
 *again kit.allowedSources	list of prefixes of references, "*" for all (["docker.io/"])
 *	kit.allowLocalKits	boolean (true): folders and ZIP files of this machine
 *	kit.requireSignature	boolean (false): only kits signed by a trusted key
 *	kit.trustedKeys		list of files of public keys ([])
 */
#ifndef SBX_SETTINGS_H
#define SBX_SETTINGS_H

#include <jansson.h>

struct err;

/* A file of the configuration folder; owned by the caller, NULL when there is no such folder. */
char *settings_path(const char *file);

/* Removes what is in the configuration folder: the settings, and what was agreed to. */
int settings_forget(struct err *err);

/* The settings, defaults filled in; owned by the caller. -errno with a sentence. */
int settings_read(json_t **ret, struct err *err);

#endif
