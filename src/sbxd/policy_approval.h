/*
 * What waits for a person: denials of the log that no rule made and that the
 * present policy would make again. Nothing is stored for it; a rule that is
 * added, by whatever command, ends the waiting.
 */
#ifndef SBXD_POLICY_APPROVAL_H
#define SBXD_POLICY_APPROVAL_H

#include <jansson.h>

struct err;
struct supervisor;

/*
 * [{"id","sandbox","resource","host","protocol","reason","count","last_seen"}], the latest first;
 * sandbox NULL: of all. An id is made of sandbox, resource and protocol: it stays the same.
 */
json_t *approval_list(struct supervisor *supervisor, const char *sandbox);

/* One of them by its id, or by its resource when that is unique; owned. -ENOENT and a sentence. */
int approval_find(struct supervisor *supervisor, const char *id, json_t **ret, struct err *err);

#endif
