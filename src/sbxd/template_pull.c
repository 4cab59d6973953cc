#include "sbxd/template_pull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "oci/reference.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_fetch.h"
#include "sbxd/template_import.h"
#include "sbxd/template_lookup.h"
#include "sbxd/template_source.h"
#include "sbxd/template_store.h"

int template_pull_parse(const char *word, enum template_pull *ret, struct err *err)
{
	static const char *const words[] = { [TEMPLATE_PULL_ALWAYS] = "always",
					     [TEMPLATE_PULL_MISSING] = "missing",
					     [TEMPLATE_PULL_NEVER] = "never" };

	*ret = TEMPLATE_PULL_DEFAULT;
	if (word == NULL)
		return 0;
	for (size_t i = TEMPLATE_PULL_ALWAYS; i < countof(words); i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum template_pull)i;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "'%.40s' must be always, missing or never", word);
}

/* Whether the registry is asked, for a template that is here or not. */
static bool is_due(enum template_pull when, bool is_here, bool was_pulled)
{
	switch (when) {
	case TEMPLATE_PULL_DEFAULT:
		return !is_here || was_pulled;
	case TEMPLATE_PULL_ALWAYS:
		return true;
	case TEMPLATE_PULL_MISSING:
		return !is_here;
	case TEMPLATE_PULL_NEVER:
		break;
	}
	return false;
}

static int import(struct supervisor *supervisor, const char *folder, const char *name,
		  struct template *ret, struct err *err)
{
	struct template_source *source;
	int r = template_source_folder(folder, &source, err);

	if (r < 0)
		return r;
	r = template_import(supervisor, source, name, ret, err);
	template_source_close(source);
	return r;
}

/* Brings it, in a folder that is gone afterwards. */
static int bring(struct supervisor *supervisor, const struct oci_reference *reference,
		 struct template *ret, struct err *err)
{
	autofree char *folder =
		template_store_path(supervisor->store, "staging", "pull.XXXXXX", "");
	char name[OCI_REFERENCE_TEXT];
	int r;

	if (folder == NULL || mkdtemp(folder) == NULL)
		return err_set_errno(err, -errno, "cannot make a folder in '%s'",
				     template_store_folder(supervisor->store));
	oci_reference_format(reference, name);
	template_store_hold(supervisor->store);
	r = template_fetch(supervisor, reference, folder, err);
	if (r == 0)
		r = import(supervisor, folder, name, ret, err);
	if (r == 0)
		r = template_store_mark_pulled(supervisor->store, ret->name, err);
	template_store_release(supervisor->store);
	(void)file_remove_tree(AT_FDCWD, folder);
	template_store_collect(supervisor->store, supervisor);
	return r;
}

/* Without a registry it cannot be pulled, with one it can. */
static int check_registry(const char *reference, struct oci_reference *ret, struct err *err)
{
	struct err why = *err;
	int r = oci_reference_parse(reference, ret, err);

	if (r < 0 || ret->has_domain)
		return r;
	return err_set(err, -ENOENT,
		       "%s; to pull an image write its registry too, like docker.io/%s", why.text,
		       reference);
}

static int pull(struct supervisor *supervisor, const char *reference, bool is_here,
		struct template *here, struct err *warning, struct err *err)
{
	struct oci_reference parsed;
	struct template fresh;
	int r = is_here ? oci_reference_parse(reference, &parsed, err)
			: check_registry(reference, &parsed, err);

	if (r == 0 && is_here && !parsed.has_domain)
		return 0;
	if (r == 0)
		r = bring(supervisor, &parsed, &fresh, err);
	if (r < 0 && is_here) {
		*warning = *err;
		return 0;
	}
	if (r < 0)
		return r;
	if (is_here)
		template_finish(here);
	*here = fresh;
	return 0;
}

int template_pull(struct supervisor *supervisor, const char *reference, enum template_pull when,
		  struct template *ret, struct err *warning, struct err *err)
{
	struct template here = { .name = NULL };
	int r = template_lookup(supervisor, reference, &here, err);
	bool is_here = r == 0;

	*warning = (struct err)ERR_INIT;
	if (r < 0 && r != -ENOENT)
		return r;
	if (is_here && here.is_builtin) {
		*ret = here;
		return 0;
	}
	if (!is_due(when, is_here,
		    is_here && template_store_was_pulled(supervisor->store, here.name))) {
		if (!is_here)
			return r;
		*ret = here;
		return 0;
	}
	r = pull(supervisor, reference, is_here, &here, warning, err);
	if (r == 0)
		*ret = here;
	return r;
}
