/*
 * An agent as an ordinary process behind a Unix socket, in a folder of its
 * own, and a client that talks to it.
 */
#ifndef TESTS_UNIT_SBX_INIT_RIG_H
#define TESTS_UNIT_SBX_INIT_RIG_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "wire/guest.h"
#include "wire/stream.h"

enum { RIG_PATIENCE_MS = 120000, RIG_PATH_MAX = 512 };

struct rig {
	pid_t pid;
	char folder[256];
	char socket[RIG_PATH_MAX], run[RIG_PATH_MAX], keep[RIG_PATH_MAX];
	char passwd[RIG_PATH_MAX], group[RIG_PATH_MAX];
};

/* 0 or -1; the agent's user is the one who runs the test. */
int rig_start(struct rig *rig);
/* Asks the agent to end, waits for it, removes the folder; the agent's exit status. */
int rig_stop(struct rig *rig);

/* A connection; fd is owned. */
struct client {
	int fd;
	struct stream stream;
};

int client_open(const struct rig *rig, struct client *ret);
void client_close(struct client *client);

int client_send(struct client *client, const struct guest_message *message);
int client_send_data(struct client *client, const char *text);
/* Starts "sh -c script" with these flags. */
int client_exec(struct client *client, const char *script, uint32_t flags);
/* The next frame as a message; raw frames are an error. 1, 0 at the end, -errno. */
int client_receive(struct client *client, struct guest_message *ret);

/* Everything up to EXIT, EOF or ERROR, which is *ret_last. */
struct collected {
	struct buf out, err;
};

void collected_init(struct collected *collected);
void collected_finish(struct collected *collected);
int client_collect(struct client *client, struct collected *to, struct guest_message *ret_last);
/* Reads output until it holds text; 0, or -1 when it never comes. */
int client_wait_for(struct client *client, struct collected *to, const char *text);

#endif
