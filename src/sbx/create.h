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
#include "sbx/kit_options.h"

struct client;
struct err;
struct repository;
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
	struct option_list mounts, fast_dirs, env, env_files, publish;
	struct kit_options kits;
	bool force, weak_jail, keep_alive, quiet;
	bool clone;
};

extern const struct option create_option_rows[];

struct create_request {
	const struct create_options *options;
	const char *agent;	  /* as of agent.h */
	const char *const *paths; /* "PATH[:ro]", the workspace first */
	size_t paths_count;
	bool keep_alive;
	bool is_fleeting; /* the daemon removes it when it stops, should this program be gone */
	bool reuse;	  /* one of that name, or else for the same purpose, will do */
	const struct workcopy *workcopy; /* whose the first path is; NULL: none */
	const struct repository *source; /* in place of the first path; NULL: none */
};

/*
 * Makes and starts it. When that fails, or ^C comes, nothing of it is left.
 * *ret is its object, owned by the caller. One that somebody else was quicker to make is as it
 * is, perhaps not started (sandbox_existed()).
 */
int create_sandbox(struct client *client, const struct create_request *request, json_t **ret,
		   struct err *err);

#endif
