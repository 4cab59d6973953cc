#include "sbx/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/options.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

enum { ENV_FILE_MAX = 1 << 20 };

static int append(struct env *env, char *item)
{
	char **items =
		item != NULL ? reallocarray(env->items, env->count + 2, sizeof(*items)) : NULL;

	if (items == NULL) {
		free(item);
		return -ENOMEM;
	}
	env->items = items;
	env->items[env->count++] = item;
	env->items[env->count] = NULL;
	return 0;
}

static int add_item(struct env *env, const char *text, struct err *err)
{
	const char *value;
	char *item = NULL;

	if (*text == '\0' || *text == '=')
		return err_set(err, -EINVAL, "'%s' names no variable; write NAME=VALUE", text);
	if (strchr(text, '=') != NULL) {
		item = strdup(text);
	} else {
		value = getenv(text);
		if (value == NULL)
			return 0;
		if (asprintf(&item, "%s=%s", text, value) < 0)
			item = NULL;
	}
	return append(env, item) < 0 ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static int add_lines(struct env *env, const char *path, char *text, struct err *err)
{
	char *line;
	int r = 0;

	while (r == 0 && (line = strsep(&text, "\n")) != NULL) {
		size_t len = strlen(line);

		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		line += strspn(line, " \t");
		if (*line != '\0' && *line != '#')
			r = add_item(env, line, err);
	}
	return r < 0 ? err_wrap(err, "environment file '%s'", path) : 0;
}

static int add_file(struct env *env, const char *path, struct err *err)
{
	autocall(buf_finish) struct buf content;
	autofree char *text = NULL;
	const char *whole;
	int r;

	buf_init(&content, ENV_FILE_MAX);
	r = file_read(AT_FDCWD, path, &content);
	if (r < 0)
		return err_set_errno(err, r, "cannot read the environment file '%s'", path);
	if (content.len > 0 && memchr(content.data, '\0', content.len) != NULL)
		return err_set(err, -EINVAL, "the environment file '%s' is no text", path);
	whole = buf_str(&content);
	text = whole != NULL ? strdup(whole) : NULL;
	return text != NULL ? add_lines(env, path, text, err)
			    : err_set(err, -ENOMEM, "out of memory");
}

int env_add(struct env *env, const struct option_list *files, const struct option_list *items,
	    struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++)
		r = add_file(env, files->items[i], err);
	for (size_t i = 0; r == 0 && i < items->count; i++)
		r = add_item(env, items->items[i], err);
	return r;
}

void env_finish(struct env *env)
{
	for (size_t i = 0; i < env->count; i++)
		free(env->items[i]);
	free(env->items);
	*env = (struct env){ .items = NULL };
}
