#include "tar/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void tar_xattrs_free(struct tar_xattr *xattrs)
{
	while (xattrs != NULL) {
		struct tar_xattr *next = xattrs->next;

		free(xattrs);
		xattrs = next;
	}
}

void tar_entry_finish(struct tar_entry *entry)
{
	if (entry == NULL)
		return;
	free(entry->name);
	free(entry->link);
	tar_xattrs_free(entry->xattrs);
	*entry = (struct tar_entry){ 0 };
}

struct tar_shown tar_show(const char *name)
{
	struct tar_shown shown = { 0 };

	for (size_t i = 0; name[i] != '\0' && i < sizeof(shown.text) - 1; i++)
		shown.text[i] = (char)(name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
	return shown;
}

static int refuse(const char *name, const char *why, struct err *err)
{
	return err_set(err, -EPERM, "the archive's entry '%s' %s", tar_show(name).text, why);
}

int tar_name_normalise(const char *name, struct err *err, char **ret)
{
	autofree char *clean = NULL;
	const char *whole = name;
	size_t len = 0;

	if (name[0] == '/')
		return refuse(name, "has an absolute name", err);
	if (strlen(name) > TAR_NAME_MAX)
		return refuse(name, "has too long a name", err);
	clean = malloc(strlen(name) + 1);
	if (clean == NULL)
		return err_set_errno(err, -ENOMEM, "cannot read the archive");
	while (*name != '\0') {
		size_t part = strcspn(name, "/");

		if (part == 2 && memcmp(name, "..", 2) == 0)
			return refuse(whole, "leads out of its folder", err);
		if (part > 0 && !(part == 1 && name[0] == '.')) {
			if (len > 0)
				clean[len++] = '/';
			memcpy(clean + len, name, part);
			len += part;
		}
		name += part + (name[part] == '/');
	}
	clean[len] = '\0';
	*ret = take_ptr(clean);
	return 0;
}
