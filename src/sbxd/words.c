#include "sbxd/words.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* How much a line tells. */
enum gravity { GRAVITY_NONE, GRAVITY_INFO, GRAVITY_WARNING, GRAVITY_ERROR };

static enum gravity judge(const char *level)
{
	if (strcmp(level, "error") == 0)
		return GRAVITY_ERROR;
	return strcmp(level, "warning") == 0 ? GRAVITY_WARNING : GRAVITY_INFO;
}

/* One line of ours; NONE when it is not one. */
static enum gravity read_line(const char *line, char *ret, size_t size)
{
	const char *program, *level, *message;
	json_t *json = json_loads(line, 0, NULL);
	enum gravity gravity = GRAVITY_NONE;

	if (json_unpack(json, "{ss ss ss}", "program", &program, "level", &level, "msg",
			&message) == 0) {
		gravity = judge(level);
		(void)snprintf(ret, size, "%s: %s", program, message);
	}
	json_decref(json);
	return gravity;
}

static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void words_pick(char *text, char *ret, size_t size)
{
	enum gravity gravest = GRAVITY_NONE;
	char *rest = text, *line;

	ret[0] = '\0';
	while ((line = strsep(&rest, "\r\n")) != NULL) {
		char words[512];
		enum gravity gravity;

		if (line[0] == '\0')
			continue;
		gravity = read_line(line, words, sizeof(words));
		if (gravity == GRAVITY_NONE) {
			gravity = GRAVITY_ERROR;
			(void)snprintf(words, sizeof(words), "%s", line);
		}
		if (gravity >= gravest) {
			gravest = gravity;
			(void)snprintf(ret, size, "%s", words);
		}
	}
	make_printable(ret);
}
