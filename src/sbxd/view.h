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

/* The object with "existed": true, for a creation that came back to it. */
json_t *view_existing(struct sandbox *sandbox);

/* {"removed": name} */
json_t *view_removed(struct sandbox *sandbox);

/* Bytes as text: what is no printable ASCII, tab or new line becomes '?'. */
json_t *view_bytes(const char *bytes, size_t len);

/* A sentence that may repeat what it was given: as it is, or as view_bytes() when it is no UTF-8.
 */
json_t *view_text(const char *text);

/* RFC 3339 in UTC; NULL for 0. */
json_t *view_time(int64_t seconds);

/*
 * Memory of a process in bytes, what it shares divided among those who share
 * it. Guest memory is the only shared memory that our processes map, so the
 * kernel's shmem figure is the guest's part and all else the process's own.
 * Zero when it cannot be read.
 */
struct view_memory {
	uint64_t own, guest;
};

struct view_memory view_memory(int pid);

#endif
