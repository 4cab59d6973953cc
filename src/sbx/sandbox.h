/*
 * What the commands do with sandboxes through the daemon: look one up, start,
 * stop and remove it, read members of its object (docs/api.md, "The sandbox object").
 */
#ifndef SBX_SANDBOX_H
#define SBX_SANDBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct client;
struct err;

/* The object of a sandbox, owned by the caller; -ENOENT when there is none. */
int sandbox_get(struct client *client, const char *name, json_t **ret, struct err *err);

/* All objects, an array owned by the caller. */
int sandbox_list(struct client *client, json_t **ret, struct err *err);

/* A string member, "" when it is absent; weak. */
const char *sandbox_text(const json_t *sandbox, const char *member);

bool sandbox_is_running(const json_t *sandbox);

/* What a creation with `reuse` answered was there already. */
bool sandbox_existed(const json_t *sandbox);

/* Starts it when it does not run, and says so on stderr. keep_alive: as in POST …/start. */
int sandbox_start(struct client *client, const json_t *sandbox, bool keep_alive, struct err *err);

/* Stops it; timeout_s is what the guest has for shutting down, SANDBOX_STOP_DEFAULT: 10 s. */
enum { SANDBOX_STOP_DEFAULT = -1 };
int sandbox_stop(struct client *client, const char *name, int64_t timeout_s, struct err *err);

/* Removes it; -EBUSY when a session is attached and force is false. */
int sandbox_remove(struct client *client, const char *name, bool force, struct err *err);

/* The host paths that it shares, an array of strings owned by the caller; NULL without memory. */
json_t *sandbox_workspaces(const json_t *sandbox);

#endif
