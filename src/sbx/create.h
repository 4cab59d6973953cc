/*
 * Making a sandbox: the options that create and run share, and the making
 * itself.
 */
#ifndef SBX_CREATE_H
#define SBX_CREATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/options.h"

struct client;
struct err;
struct workcopy;

struct create_options {
	const char *name, *engine, *kernel; /* NULL: the daemon chooses */
	const char *extra_ca;		    /* NULL: none */
	const char *template;		    /* NULL: the agent's */
	const char *pull;		    /* when a registry is asked; NULL: the daemon decides */
	const char *branch;		    /* NULL: on the folder itself */
	uint64_t cpus, memory, disk, docker_disk, pids_limit; /* 0: the daemon chooses */
	const char *policy; /* a preset or a file; NULL: the global one */
	struct option_list deny_network;
	struct option_list mounts, env, env_files, publish;
	bool force, weak_jail, keep_alive, quiet;
};

extern const struct option create_option_rows[];

/* The one agent of this version; others are told apart from mistyped words. */
#define AGENT_DEFAULT "shell"
bool agent_is_available(const char *word);
/* -EINVAL with a sentence that tells whether such an agent will come. */
int agent_refuse(const char *word, struct err *err);

struct create_request {
	const struct create_options *options;
	const char *agent;
	const char *const *paths; /* "PATH[:ro]", the workspace first */
	size_t paths_count;
	bool keep_alive;
	const struct workcopy *workcopy; /* whose the first path is; NULL: none */
};

/*
 * Makes and starts it. When that fails, or ^C comes, nothing of it is left.
 * *ret is its object, owned by the caller.
 */
int create_sandbox(struct client *client, const struct create_request *request, json_t **ret,
		   struct err *err);

#endif
