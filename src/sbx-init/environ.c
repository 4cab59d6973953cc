#include "sbx-init/environ.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "wire/guest.h"

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

int environ_set_all(struct environ *env, char *const *lines, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = environ_set(env, lines[i]);
	return r;
}

int environ_add_setup(struct environ *env, const char *folder)
{
	autocall(guest_message_finish) struct guest_message setup = { 0 };
	autoclose int run = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autocall(buf_finish) struct buf buf = { 0 };
	struct frame frame;
	int r;

	buf_init(&buf, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	r = file_read(run, "setup", &buf);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = buf.len > 0 && frame_parse(buf.data, buf.len, &frame) > 0 ? 0 : -EPROTO;
	if (r == 0)
		r = guest_message_decode(&frame, &setup);
	return r < 0 ? r : environ_set_all(env, setup.env, setup.env_count);
}

const char *environ_get(const struct environ *env, const char *key)
{
	size_t len = strlen(key);
	size_t i = find(env, key, len);

	return i == env->count ? NULL : env->lines[i] + len + 1;
}
