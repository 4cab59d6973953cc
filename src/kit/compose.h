/*
 * Kits put on top of each other: parents, the sandbox kit that extends them,
 * then mixins. What each adds goes into one resolved kit (kit/resolve.h); what
 * contradicts is refused with both places named.
 *
 *	scalars, entrypoint, command	the child's replace the parent's
 *	network, ports			lists grow, equal entries once
 *	environment, volumes		by name and by path; the last one wins
 *	credentials			by service; two that differ are refused
 *	setup				lists grow, parents first
 *	files				by path; the last one wins
 *	privileged			when one asks for it
 */
#ifndef KIT_COMPOSE_H
#define KIT_COMPOSE_H

#include <jansson.h>
#include <stddef.h>

#include "kit/bundle.h"
#include "kit/kit.h"

struct err;

enum { PARTS_MAX = 32, PLACE_SIZE = 512 };

struct part {
	struct kit_bundle bundle;
	struct kit kit;
};

/* parts[0..base] are one line of descent, the oldest first; mixins follow. */
struct composition {
	struct part parts[PARTS_MAX];
	size_t count;
	size_t base;
};

/* "FILE:LINE:COLUMN" of a member, found by its dotted path; of its key, or of its index-th child.
 */
void part_place_key(const struct part *part, const char *path, char ret[PLACE_SIZE]);
void part_place_item(const struct part *part, const char *path, size_t index, char ret[PLACE_SIZE]);

/*
 * Names that are not unique, agents that a mixin was not made for, members
 * that another kit has locked. -EBADMSG with a sentence.
 */
int compose_check(const struct composition *composition, struct err *err);

/* The resolved kit without its digest; owned by the caller. -EBADMSG with a sentence, -ENOMEM. */
int compose_merge(const struct composition *composition, json_t **ret, struct err *err);

#endif
