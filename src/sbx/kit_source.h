/*
 * Where kits come from: a name is a kit that belongs to this program, a path
 * that begins with ./ ../ or / is a folder of this machine.
 *
 * The program's own kits are found in SBX_KITS, or beside the program.
 */
#ifndef SBX_KIT_SOURCE_H
#define SBX_KIT_SOURCE_H

#include <stdbool.h>

#include "kit/resolve.h"

/* How a reference looks, whatever may be there. */
enum kit_source_kind {
	KIT_SOURCE_BUILTIN, /* a single word */
	KIT_SOURCE_PATH,    /* ./x ../x /x . .. */
	KIT_SOURCE_OTHER,
};

enum kit_source_kind kit_source_kind(const char *reference);

/* Is there a kit of that name in this program? */
bool kit_source_is_builtin(const char *name);

/* What kit_resolve() fetches kits with. */
extern const struct kit_fetch kit_source_fetch;

#endif
