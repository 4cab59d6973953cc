#include "sbxd/words.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

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

/* The kernel's "[    1.234567] "; nothing else in brackets. */
static const char *skip_time(const char *line)
{
	size_t len = line[0] == '[' ? 1 + strspn(line + 1, " 0123456789.") : 0;

	return len > 1 && strncmp(line + len, "] ", 2) == 0 ? line + len + 2 : line;
}

void words_pick_console(char *text, char *ret, size_t size)
{
	static const char *const reasons[] = { "Kernel panic - not syncing: ", "sbx-init: ",
					       "BUG: ", "Oops: " };
	size_t best = countof(reasons);
	char *rest = text, *line;

	ret[0] = '\0';
	while ((line = strsep(&rest, "\r\n")) != NULL) {
		const char *words = skip_time(line);

		for (size_t i = 0; i <= best && i < countof(reasons); i++) {
			if (strncmp(words, reasons[i], strlen(reasons[i])) != 0)
				continue;
			best = i;
			(void)snprintf(ret, size, "%s", words);
		}
	}
	make_printable(ret);
}

void words_tidy(char *text)
{
	json_t *json = json_string(text);

	if (json == NULL)
		make_printable(text);
	json_decref(json);
}
