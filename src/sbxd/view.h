/*
 * Sandboxes as the JSON of docs/api.md.
 */
#ifndef SBXD_VIEW_H
#define SBXD_VIEW_H

#include <jansson.h>
#include <stdint.h>

struct sandbox;

/* The sandbox object; a moment's lock. NULL when memory is out. */
json_t *view_sandbox(struct sandbox *sandbox);

/* The object and more of it: processes, disks, environment. */
json_t *view_inspect(struct sandbox *sandbox);

/* {"removed": name} */
json_t *view_removed(struct sandbox *sandbox);

/* RFC 3339 in UTC; NULL for 0. */
json_t *view_time(int64_t seconds);

/* Proportional memory of a process in bytes; 0 when it cannot be read. */
uint64_t view_pss(int pid);

#endif
