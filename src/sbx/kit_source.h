/*
 * Where kits come from, by what a reference looks like:
 *
 *	claude				a kit that belongs to this program
 *	./x ../x /x			a folder of this machine
 *	./x.zip				a ZIP file of this machine
 *	git+https://… git+ssh://…	a git repository (sbx/kit_git.h)
 *	docker.io/a/b:1 a/b oci://…	an image in a registry
 *
 * What is not of this machine must be in the setting kit.allowedSources, and
 * with kit.requireSignature all but the program's own must be signed by one of
 * kit.trustedKeys (sbx/settings.h). A kit that another one extends, and that
 * comes from elsewhere, must be named by commit or digest.
 *
 * The program's own kits are found in SBX_KITS, or beside the program.
 */
#ifndef SBX_KIT_SOURCE_H
#define SBX_KIT_SOURCE_H

#include <jansson.h>
#include <stdbool.h>

#include "kit/resolve.h"

/* How a reference looks, whatever may be there. */
enum kit_source_kind {
	KIT_SOURCE_BUILTIN,
	KIT_SOURCE_FOLDER,
	KIT_SOURCE_ZIP,
	KIT_SOURCE_GIT,
	KIT_SOURCE_OCI,
	KIT_SOURCE_NONE, /* it cannot be one */
};

enum kit_source_kind kit_source_kind(const char *reference);

/* Where the program's own kits are, a folder each; owned by the caller, NULL: there are none. */
char *kit_source_builtin_folder(void);

/* Is there a kit of that name in this program? */
bool kit_source_is_builtin(const char *name);

/*
 * What a user calls the kit of a reference, before it was read: the last part of its folder, ZIP,
 * repository or image. Owned by the caller; NULL when there is no such reference.
 */
char *kit_source_handle(const char *reference);

/*
 * May a reference be used by that list of prefixes? They end at the end of a
 * part of the path; "*" is all. name: "docker.io/a/b" or "https://host/path".
 */
bool kit_source_is_allowed(const json_t *prefixes, const char *name);

/* What kit_resolve() fetches kits with. */
extern const struct kit_fetch kit_source_fetch;

#endif
