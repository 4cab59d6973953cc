/*
 * The daemon: paths, what the host offers, and the table of sandboxes. The
 * table's lock is held for moments only, never over I/O.
 */
#ifndef SBXD_SUPERVISOR_H
#define SBXD_SUPERVISOR_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "sbxd/artefacts.h"
#include "sbxd/host.h"
#include "sbxd/paths.h"
#include "sbxd/templates.h"

struct audit;
struct err;
struct ports;
struct policy_log;
struct policy_store;
struct sandbox;
struct secret_store;
struct template_store;
struct uplink;

enum { SUPERVISOR_SANDBOXES_MAX = 1024 };

struct supervisor {
	struct paths paths;
	struct artefacts artefacts;
	struct templates templates;   /* of artefacts */
	struct template_store *store; /* owned; NULL in some tests */
	struct host host;
	struct uplink *uplink; /* owned, as the next five */
	struct ports *ports;
	struct secret_store *secrets;
	struct policy_store *policy;
	struct policy_log *policy_log;
	struct audit *audit;	  /* NULL in some tests */
	int64_t started_at;	  /* seconds since 1970 */
	int cgroup;		  /* owned; 0: none was delegated */
	int stop_fd;		  /* weak: an eventfd; written to, the daemon exits */
	pthread_mutex_t creation; /* from the search for a name or a sandbox until it is entered */
	pthread_mutex_t lock;
	struct list sandboxes; /* by name */
	size_t count;
};

/* Enters a sandbox, taking over the caller's reference; -EEXIST, -E2BIG. */
int supervisor_add(struct supervisor *supervisor, struct sandbox *sandbox, struct err *err);

/* Takes it out of the table and drops the table's reference. */
void supervisor_remove(struct supervisor *supervisor, struct sandbox *sandbox);

/* A new reference, or NULL. */
struct sandbox *supervisor_find(struct supervisor *supervisor, const char *name);

/* New references to all, by name, in fresh memory; NULL when memory is out. */
struct sandbox **supervisor_list(struct supervisor *supervisor, size_t *ret_count);

/* Writes a line to the audit file (audit/audit.h). Takes `details`; a failure is logged. */
void supervisor_audit(struct supervisor *supervisor, const char *event, const char *sandbox,
		      json_t *details);

struct sandbox *supervisor_get(struct sandbox *sandbox);
void supervisor_put(struct sandbox *sandbox);

#endif
