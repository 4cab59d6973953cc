#include "sbxd/words.h"

#include <jansson.h>
#include <stdbool.h>
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

/* One line of ours; NONE when it is not one. *ret_blamed: whether the blamed one said it. */
static enum gravity read_line(const char *line, const char *blamed, bool *ret_blamed, char *ret,
			      size_t size)
{
	const char *program, *level, *message;
	json_t *json = json_loads(line, 0, NULL);
	enum gravity gravity = GRAVITY_NONE;

	if (json_unpack(json, "{ss ss ss}", "program", &program, "level", &level, "msg",
			&message) == 0) {
		gravity = judge(level);
		*ret_blamed = strcmp(program, blamed) == 0;
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

void words_pick(char *text, const char *blamed, char *ret, size_t size)
{
	unsigned best = 0; /* gravity, and behind it who said it */
	char *rest = text, *line;

	ret[0] = '\0';
	while ((line = strsep(&rest, "\r\n")) != NULL) {
		bool is_blamed = strcmp(blamed, "qemu") == 0;
		char words[512];
		enum gravity gravity;
		unsigned rank;

		if (line[0] == '\0')
			continue;
		gravity = read_line(line, blamed, &is_blamed, words, sizeof(words));
		if (gravity == GRAVITY_NONE) {
			gravity = GRAVITY_ERROR;
			(void)snprintf(words, sizeof(words), "%s", line);
		}
		rank = 2 * (unsigned)gravity + is_blamed;
		if (rank >= best) {
			best = rank;
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
