/*
 * The capabilities of schema version 3: what a kit asks of its host, each with
 * a type and a configuration of its own. Those that version 2 has words for
 * are said in them; of the others some do no harm when they are missing, and
 * the rest is refused, unless the kit can do without.
 */
#ifndef KIT_CAPABILITY_H
#define KIT_CAPABILITY_H

#include <stdbool.h>

struct err;
struct kit;
struct node;

enum capability_kind {
	CAPABILITY_MAPPED,
	CAPABILITY_MISSED, /* a warning will do */
	CAPABILITY_UNKNOWN,
};

enum capability_kind capability_kind(const char *type);

/*
 * Adds a mapped capability to kit->spec; node is its entry in the file. -EBADMSG
 * with place and sentence, -ENOMEM.
 */
int capability_add(struct kit *kit, const struct node *node, bool is_optional, struct err *err);

#endif
