#include "git/submodules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"
#include "git/config_list.h"
#include "git/copy.h"
#include "git/repository.h"

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* Takes the last part of a URL off, in place; false when there is none to take. */
static bool cut_part(char *url)
{
	char *scheme = strstr(url, "://");
	char *path = scheme != NULL ? scheme + 3 : url;
	char *slash = strrchr(path, '/'), *colon = strrchr(path, ':');

	if (slash != NULL)
		*slash = '\0';
	else if (scheme == NULL && colon != NULL)
		colon[1] = '\0';
	return slash != NULL || (scheme == NULL && colon != NULL);
}

static void cut_slashes(char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
}

char *submodules_resolve(const char *base, const char *url)
{
	autofree char *start = NULL;
	char *whole;

	if (strncmp(url, "./", 2) != 0 && strncmp(url, "../", 3) != 0)
		return strdup(url);
	start = strdup(base);
	if (start == NULL)
		return NULL;
	cut_slashes(start);
	for (;;) {
		if (strncmp(url, "./", 2) == 0)
			url += 2;
		else if (strncmp(url, "../", 3) != 0)
			break;
		else if (cut_part(start))
			url += 3;
		else
			return NULL;
	}
	return asprintf(&whole, "%s%s%s", start, start[strlen(start) - 1] == ':' ? "" : "/", url) <
			       0
		       ? NULL
		       : whole;
}

struct submodules {
	const struct git_call *copy;
	char *base; /* URL of the repository itself; owned; NULL: it has none */
	size_t count;
};

static int set(const struct submodules *submodules, const char *key, const char *value,
	       struct err *err)
{
	const char *words[] = { "config", key, value, NULL };

	return git_must(submodules->copy, words, NULL, err);
}

/* key: "submodule.NAME.url". */
static int add(char *key, char *value, void *data, struct err *err)
{
	struct submodules *submodules = data;
	const char *base = submodules->base != NULL ? submodules->base : "";
	autofree char *url = submodules_resolve(base, value);
	int r = 0;

	if (url == NULL || !copy_clean_url(url) || submodules->count == SUBMODULES_MAX)
		return 0;
	if (submodules->count++ == 0)
		r = set(submodules, "submodule.active", ".", err);
	return r < 0 ? r : set(submodules, key, url, err);
}

/* The URL that relative ones start from: that of origin, as git does when nothing says another. */
static void find_base(const struct repository *repository, struct submodules *submodules)
{
	static const char *const words[] = { "config", "--get", "remote.origin.url", NULL };
	const struct git_call call = repository_call(repository);
	struct err none = ERR_INIT;

	(void)git_line(&call, words, &submodules->base, &none);
}

int submodules_configure(const struct repository *repository, const char *commit,
			 const struct git_call *copy, struct err *err)
{
	const struct git_call call = repository_call(repository);
	struct submodules submodules = { .copy = copy };
	autofree char *blob = NULL;
	int r;

	if (!repository->has_submodules)
		return 0;
	if (asprintf(&blob, "--blob=%s:.gitmodules", commit) < 0)
		return out_of_memory(err);
	find_base(repository, &submodules);
	r = git_each_config(&call, blob, "^submodule\\..*\\.url$", add, &submodules, err);
	free(submodules.base);
	return r > 0 ? 0 : r; /* the commit has none, or one that git cannot read */
}
