#include "sbx/kit_source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/text.h"
#include "sbx/kit_folder.h"

enum kit_source_kind kit_source_kind(const char *reference)
{
	if (reference[0] == '/' || strcmp(reference, ".") == 0 || strcmp(reference, "..") == 0 ||
	    strncmp(reference, "./", 2) == 0 || strncmp(reference, "../", 3) == 0)
		return KIT_SOURCE_PATH;
	return text_name(reference) == NULL ? KIT_SOURCE_BUILTIN : KIT_SOURCE_OTHER;
}

/* The folder of a kit of this program; owned by the caller, NULL when there is none. */
static char *find_builtin(const char *name)
{
	static const char *const places[] = { "kits", "../share/sbx/kits", "../../../share/kits" };
	const char *own = getenv("SBX_KITS");
	char self[PATH_MAX], *path = NULL, *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (own != NULL)
		return asprintf(&path, "%s/%s", own, name) > 0 ? path : NULL;
	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	for (size_t i = 0; i < countof(places); i++) {
		if (asprintf(&path, "%s/%s/%s", self, places[i], name) < 0)
			return NULL;
		if (access(path, R_OK) == 0)
			return path;
		free(path);
		path = NULL;
	}
	return NULL;
}

bool kit_source_is_builtin(const char *name)
{
	autofree char *folder = NULL, *spec = NULL;

	if (kit_source_kind(name) != KIT_SOURCE_BUILTIN)
		return false;
	folder = find_builtin(name);
	return folder != NULL && asprintf(&spec, "%s/spec.yaml", folder) > 0 &&
	       access(spec, R_OK) == 0;
}

static int fetch_builtin(const char *name, struct kit_bundle *bundle, struct err *err)
{
	autofree char *folder = kit_source_is_builtin(name) ? find_builtin(name) : NULL;

	if (folder == NULL)
		return err_set(err, -ENOENT, "there is no kit '%s'; for a folder write ./%s", name,
			       name);
	bundle->is_builtin = true;
	return kit_folder_read(folder, bundle, err);
}

/* The last part of a path: what a user would call the kit. */
static char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strdup(slash != NULL ? slash + 1 : path);
}

/* A relative path in a kit of a folder starts from that folder. */
static int fetch_path(const char *path, const struct kit_bundle *from, struct kit_bundle *bundle,
		      struct err *err)
{
	autofree char *joined = NULL;

	if (from != NULL && from->folder == NULL)
		return err_set(err, -EPERM,
			       "%s: extends '%s': a kit that is no folder of this machine cannot "
			       "name one",
			       from->name, path);
	if (from != NULL && path[0] != '/') {
		if (asprintf(&joined, "%s/%s", from->folder, path) < 0)
			return err_set(err, -ENOMEM, "out of memory");
		path = joined;
	}
	bundle->folder = realpath(path, NULL);
	if (bundle->folder == NULL)
		return err_set_errno(err, -errno, "cannot read the kit '%s'", path);
	bundle->source = strdup(bundle->folder);
	bundle->handle = last_part(bundle->folder);
	if (bundle->source == NULL || bundle->handle == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	return kit_folder_read(bundle->folder, bundle, err);
}

static int fetch(void *context, const char *reference, const struct kit_bundle *from,
		 struct kit_bundle *ret, struct err *err)
{
	struct kit_bundle bundle;
	int r = kit_bundle_init(&bundle, reference);

	(void)context;
	if (r < 0)
		return err_set(err, r, "out of memory");
	switch (kit_source_kind(reference)) {
	case KIT_SOURCE_BUILTIN:
		r = fetch_builtin(reference, &bundle, err);
		break;
	case KIT_SOURCE_PATH:
		r = fetch_path(reference, from, &bundle, err);
		break;
	case KIT_SOURCE_OTHER:
		r = err_set(err, -EINVAL, "'%s' is no kit; for a folder write ./%s", reference,
			    reference);
		break;
	}
	if (r < 0)
		kit_bundle_finish(&bundle);
	else
		*ret = bundle;
	return r;
}

const struct kit_fetch kit_source_fetch = { .fetch = fetch };
