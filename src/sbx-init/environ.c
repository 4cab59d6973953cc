#include "sbx-init/environ.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void environ_init(struct environ *env)
{
	env->count = 0;
	env->lines[0] = NULL;
}

void environ_finish(struct environ *env)
{
	if (env == NULL)
		return;
	for (size_t i = 0; i < env->count; i++)
		free(env->lines[i]);
	environ_init(env);
}

/* Where the line of that key is, or where a new one goes. */
static size_t find(const struct environ *env, const char *key, size_t key_len)
{
	size_t i;

	for (i = 0; i < env->count; i++) {
		if (strncmp(env->lines[i], key, key_len) == 0 && env->lines[i][key_len] == '=')
			break;
	}
	return i;
}

/* Takes the line over, in success and failure. */
static int place(struct environ *env, char *line)
{
	const char *equals = line == NULL ? NULL : strchr(line, '=');
	size_t i;

	if (line == NULL)
		return -ENOMEM;
	if (equals == NULL || equals == line) {
		free(line);
		return -EINVAL;
	}
	i = find(env, line, (size_t)(equals - line));
	if (i == ENVIRON_MAX) {
		free(line);
		return -E2BIG;
	}
	if (i == env->count) {
		env->lines[i] = NULL;
		env->lines[++env->count] = NULL;
	}
	free(env->lines[i]);
	env->lines[i] = line;
	return 0;
}

int environ_set(struct environ *env, const char *line)
{
	return place(env, strdup(line));
}

int environ_put(struct environ *env, const char *key, const char *value)
{
	size_t key_len = strlen(key), value_len = strlen(value);
	char *line = malloc(key_len + value_len + 2);

	if (line != NULL) {
		memcpy(line, key, key_len);
		line[key_len] = '=';
		memcpy(line + key_len + 1, value, value_len + 1);
	}
	return place(env, line);
}

const char *environ_get(const struct environ *env, const char *key)
{
	size_t len = strlen(key);
	size_t i = find(env, key, len);

	return i == env->count ? NULL : env->lines[i] + len + 1;
}
