/*
 * Talking to sbxd: one request a connection over its Unix socket, JSON both
 * ways (docs/api.md). Every wait has a deadline, so a stuck daemon costs a
 * sentence and never a hang. The daemon is started when nobody listens.
 */
#ifndef SBX_CLIENT_H
#define SBX_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct invocation;
struct progress;

/* For what may take as long as the start of a sandbox. */
enum { CLIENT_SLOW_MS = 150000 };

struct client {
	char *socket_path;	   /* owned */
	bool debug;		   /* show requests and answers on stderr */
	bool keep_absent;	   /* do not start a daemon that is not there: -ECONNREFUSED */
	bool quiet;		   /* do not tell that the daemon is being started */
	uint64_t timeout_ms;	   /* how long an answer may take; 0: 30 seconds */
	struct progress *progress; /* weak; ticked while waiting; or NULL */
	/* Asked while waiting; true ends the wait with -EINTR. NULL: never. */
	bool (*interrupted)(void);
};

int client_init(struct client *client, const struct invocation *invocation, struct err *err);
void client_finish(struct client *client);

/* "/sandbox/NAME" and what comes after it, the name escaped; owned by the caller. */
char *client_path(const char *name, const char *rest);

/*
 * One request and its answer. The error's sentence is the daemon's own; its
 * code tells the status: -EINVAL 400, -ENOENT 404, -EBUSY 409, -EIO else;
 * -ETIMEDOUT when no answer came, -ECONNREFUSED when there is no daemon,
 * -EPIPE when it ended meanwhile (a GET was then tried again, once).
 * body may be NULL; it stays the caller's. *ret is owned by the caller; ret
 * may be NULL.
 */
int client_call(struct client *client, const char *method, const char *path, const json_t *body,
		json_t **ret, struct err *err);

/* The same for an answer that is text; owned by the caller. */
int client_call_text(struct client *client, const char *path, char **ret, struct err *err);

/*
 * A request that is answered by a stream: steps go to the client's progress,
 * the result to *ret (owned by the caller; ret may be NULL).
 */
int client_stream(struct client *client, const char *method, const char *path, const json_t *body,
		  json_t **ret, struct err *err);

/* A connection of one's own to the guest's pid 1; see POST /sandbox/{name}/attach. */
int client_attach(struct client *client, const char *name, int *ret_socket, struct err *err);

#endif
