#include "sbxd/templates.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/paths.h"

#define SUFFIX ".json"
#define PLAIN "abcdefghijklmnopqrstuvwxyz0123456789-_."

/* A reference that can name a file of the folder: no path, nothing hidden. */
static bool is_plain(const char *reference)
{
	return reference[0] != '.' && reference[0] != '\0' && strlen(reference) <= 64 &&
	       strspn(reference, PLAIN) == strlen(reference);
}

static int is_manifest(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);

	return len > suffix && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + len - suffix, SUFFIX) == 0;
}

static int read_builtin(const struct templates *templates, const char *file, struct template *ret,
			struct err *err)
{
	int r = template_read(templates->builtin, file, ret, err);

	if (r == 0)
		ret->is_builtin = true;
	return r;
}

int templates_list(const struct templates *templates, struct template **ret, size_t *ret_count)
{
	struct dirent **entries = NULL;
	struct template *all;
	size_t count = 0;
	int found = templates->builtin == NULL
			    ? 0
			    : scandir(templates->builtin, &entries, is_manifest, alphasort);

	found = max_of(found, 0);
	all = calloc((size_t)found + 1, sizeof(*all));
	for (int i = 0; i < found; i++) {
		struct err ignored = ERR_INIT;

		if (all != NULL &&
		    read_builtin(templates, entries[i]->d_name, &all[count], &ignored) == 0)
			count++;
		free(entries[i]);
	}
	free(entries);
	if (all == NULL)
		return -ENOMEM;
	*ret = all;
	*ret_count = count;
	return 0;
}

/* The sentence for a reference that leads nowhere. */
static int refuse(const struct templates *templates, const char *reference, struct err *err)
{
	struct template *all = NULL;
	size_t count = 0, len = 0;
	char names[512] = "";

	if (templates_list(templates, &all, &count) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		if (len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						i == 0 ? "" : ", ", all[i].name);
		template_finish(&all[i]);
	}
	free(all);
	if (count == 0)
		return err_set(err, -ENOENT,
			       "no templates were found; name their folder by SBX_TEMPLATES or "
			       "start sbxd with --artefacts DIR");
	return err_set(err, -ENOENT,
		       "no template is called '%.80s'; there are: %s; an agent's comes by `./dev "
		       "install AGENT` where sbx was built",
		       reference, names);
}

int templates_find(const struct templates *templates, const char *reference, struct template *ret,
		   struct err *err)
{
	autofree char *path = NULL;
	char file[80];

	if (templates->builtin == NULL || !is_plain(reference))
		return refuse(templates, reference, err);
	(void)snprintf(file, sizeof(file), "%s" SUFFIX, reference);
	path = path_join(templates->builtin, file);
	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	return access(path, F_OK) < 0 ? refuse(templates, reference, err)
				      : read_builtin(templates, file, ret, err);
}
