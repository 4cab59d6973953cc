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
#include "oci/reference.h"
#include "sbx/interrupt.h"
#include "sbx/kit_folder.h"
#include "sbx/kit_git.h"
#include "sbx/kit_keys.h"
#include "sbx/kit_oci.h"
#include "sbx/kit_zip.h"
#include "sbx/settings.h"

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_path(const char *reference)
{
	return reference[0] == '/' || strcmp(reference, ".") == 0 || strcmp(reference, "..") == 0 ||
	       begins(reference, "./") || begins(reference, "../");
}

static bool is_zip(const char *reference)
{
	size_t length = strlen(reference);

	return length > 4 && strcmp(reference + length - 4, ".zip") == 0;
}

enum kit_source_kind kit_source_kind(const char *reference)
{
	struct oci_reference parsed;
	struct err ignored = ERR_INIT;

	if (is_path(reference))
		return is_zip(reference) ? KIT_SOURCE_ZIP : KIT_SOURCE_FOLDER;
	if (begins(reference, "git+"))
		return KIT_SOURCE_GIT;
	if (text_name(reference) == NULL)
		return KIT_SOURCE_BUILTIN;
	if (begins(reference, "oci://"))
		reference += strlen("oci://");
	if (strchr(reference, '/') != NULL &&
	    oci_reference_parse(reference, &parsed, &ignored) == 0)
		return KIT_SOURCE_OCI;
	return KIT_SOURCE_NONE;
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

char *kit_source_builtin_folder(void)
{
	return find_builtin("");
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

/* The last part of a path, without that ending; owned by the caller. */
static char *last_part(const char *path, const char *ending)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	size_t len = strlen(name), more = strlen(ending);

	if (len > more && strcmp(name + len - more, ending) == 0)
		len -= more;
	return strndup(name, len);
}

static char *handle_of_path(const char *path)
{
	autofree char *real = realpath(path, NULL);

	return last_part(real != NULL ? real : path, ".zip");
}

static char *handle_of_git(const struct kit_git *git)
{
	return last_part(git->folder[0] != '\0' ? git->folder : git->url, ".git");
}

static const char *without_scheme(const char *image)
{
	return begins(image, "oci://") ? image + strlen("oci://") : image;
}

char *kit_source_handle(const char *reference)
{
	struct oci_reference image;
	struct err ignored = ERR_INIT;
	struct kit_git git;

	switch (kit_source_kind(reference)) {
	case KIT_SOURCE_BUILTIN:
		return strdup(reference);
	case KIT_SOURCE_FOLDER:
	case KIT_SOURCE_ZIP:
		return handle_of_path(reference);
	case KIT_SOURCE_GIT:
		return kit_git_parse(reference, &git, &ignored) == 0 ? handle_of_git(&git) : NULL;
	case KIT_SOURCE_OCI:
		return oci_reference_parse(without_scheme(reference), &image, &ignored) == 0
			       ? last_part(image.path, "")
			       : NULL;
	case KIT_SOURCE_NONE:
		break;
	}
	return NULL;
}

/* A relative path in a kit of a folder starts from that folder. */
static int find_path(const char *path, const struct kit_bundle *from, struct kit_bundle *bundle,
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
	bundle->source = realpath(path, NULL);
	if (bundle->source == NULL)
		return err_set_errno(err, -errno, "cannot read the kit '%s'", path);
	bundle->handle = handle_of_path(bundle->source);
	return bundle->handle != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int fetch_path(const char *path, const struct kit_bundle *from, const json_t *settings,
		      struct kit_bundle *bundle, struct err *err)
{
	int r;

	if (!json_is_true(json_object_get(settings, "kit.allowLocalKits")))
		return err_set(err, -EPERM,
			       "'%s' cannot be installed — kits of this machine are turned off by "
			       "kit.allowLocalKits",
			       path);
	r = find_path(path, from, bundle, err);
	if (r < 0)
		return r;
	if (is_zip(path))
		return kit_zip_read(bundle->source, bundle, err);
	bundle->folder = strdup(bundle->source);
	return bundle->folder != NULL ? kit_folder_read(bundle->folder, bundle, err)
				      : err_set(err, -ENOMEM, "out of memory");
}

bool kit_source_is_allowed(const json_t *prefixes, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(prefixes, i, item)
	{
		const char *prefix = json_string_value(item);
		size_t length = strlen(prefix);

		if (strcmp(prefix, "*") == 0)
			return true;
		while (length > 0 && prefix[length - 1] == '/')
			length--;
		if (length > 0 && strncmp(name, prefix, length) == 0 &&
		    (name[length] == '/' || name[length] == '\0'))
			return true;
	}
	return false;
}

static int refuse_source(const char *reference, struct err *err)
{
	return err_set(err, -EPERM,
		       "'%s' cannot be installed — its source is not in your allowlist "
		       "(kit.allowedSources in settings.json)",
		       reference);
}

static int refuse_moving(const char *reference, const struct kit_bundle *from, const char *pin,
			 struct err *err)
{
	return err_set(err, -EPERM, "%s: extends '%s', which may change at any time; name it by %s",
		       from->name, reference, pin);
}

static int fetch_git(const char *reference, const struct kit_bundle *from, const json_t *settings,
		     struct kit_bundle *bundle, struct err *err)
{
	const json_t *allowed = json_object_get(settings, "kit.allowedSources");
	struct kit_git git;
	const char *place;
	int r = kit_git_parse(reference, &git, err);

	if (r < 0)
		return r;
	place = strstr(git.url, "://") + 3;
	if (!kit_source_is_allowed(allowed, place) && !kit_source_is_allowed(allowed, git.url))
		return refuse_source(reference, err);
	if (from != NULL && !git.is_pinned)
		return refuse_moving(reference, from, "its commit: #ref=COMMIT", err);
	bundle->handle = handle_of_git(&git);
	if (asprintf(&bundle->source, "git+%s#dir=%s", git.url, git.folder) < 0)
		bundle->source = NULL;
	if (bundle->handle == NULL || bundle->source == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	return kit_git_read(&git, bundle, err);
}

static int fetch_oci(const char *reference, const struct kit_bundle *from, const json_t *settings,
		     struct kit_bundle *bundle, struct err *err)
{
	char whole[OCI_REFERENCE_TEXT];
	struct oci_reference parsed;
	int r;

	r = oci_reference_parse(without_scheme(reference), &parsed, err);
	if (r < 0)
		return r;
	oci_reference_format(&parsed, whole);
	if (asprintf(&bundle->source, "%s/%s", parsed.domain, parsed.path) < 0) {
		bundle->source = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	if (!kit_source_is_allowed(json_object_get(settings, "kit.allowedSources"), bundle->source))
		return refuse_source(reference, err);
	if (from != NULL && parsed.digest[0] == '\0')
		return refuse_moving(reference, from, "its digest: NAME@sha256:…", err);
	bundle->handle = last_part(parsed.path, "");
	bundle->image = strdup(whole);
	if (bundle->handle == NULL || bundle->image == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	return kit_oci_read(whole, bundle, err);
}

static int check_signature(const struct kit_bundle *bundle, const json_t *settings, struct err *err)
{
	if (bundle->is_builtin || !json_is_true(json_object_get(settings, "kit.requireSignature")))
		return 0;
	return kit_keys_verify(bundle, json_object_get(settings, "kit.trustedKeys"), err);
}

static int fetch_kind(const char *reference, const struct kit_bundle *from, const json_t *settings,
		      struct kit_bundle *bundle, struct err *err)
{
	switch (kit_source_kind(reference)) {
	case KIT_SOURCE_BUILTIN:
		return fetch_builtin(reference, bundle, err);
	case KIT_SOURCE_FOLDER:
	case KIT_SOURCE_ZIP:
		return fetch_path(reference, from, settings, bundle, err);
	case KIT_SOURCE_GIT:
		return fetch_git(reference, from, settings, bundle, err);
	case KIT_SOURCE_OCI:
		return fetch_oci(reference, from, settings, bundle, err);
	case KIT_SOURCE_NONE:
		break;
	}
	return err_set(err, -EINVAL,
		       "'%s' is no reference of a kit; for a folder or a ZIP file write ./%s",
		       reference, reference);
}

static int fetch(void *context, const char *reference, const struct kit_bundle *from,
		 struct kit_bundle *ret, struct err *err)
{
	struct kit_bundle bundle;
	json_t *settings = NULL;
	sigset_t before;
	int r = kit_bundle_init(&bundle, reference);

	(void)context;
	if (r < 0)
		return err_set(err, r, "out of memory");
	r = settings_read(&settings, err);
	if (r == 0) {
		/* ^C ends the program that fetches, and ours when its folder is gone */
		interrupt_hold(&before);
		r = fetch_kind(reference, from, settings, &bundle, err);
		interrupt_release(&before);
	}
	if (r == 0)
		r = check_signature(&bundle, settings, err);
	json_decref(settings);
	if (r < 0)
		kit_bundle_finish(&bundle);
	else
		*ret = bundle;
	return r;
}

const struct kit_fetch kit_source_fetch = { .fetch = fetch };
