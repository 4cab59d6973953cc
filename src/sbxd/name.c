#include "sbxd/name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_alphanumeric(char c)
{
	return c != '\0' && strchr(ALPHANUMERIC, c) != NULL;
}

bool name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len >= 2 && len < NAME_SIZE && strspn(name, ALPHANUMERIC "-.") == len &&
	       is_alphanumeric(name[0]) && is_alphanumeric(name[len - 1]) &&
	       strcmp(name, "default") != 0;
}

int name_check(const char *name, struct err *err)
{
	if (name_is_valid(name))
		return 0;
	return err_set(err, -EINVAL,
		       "'%.80s' cannot be a sandbox name: 2 to 63 letters, digits, '-' and '.', "
		       "starting and ending with a letter or digit, and not 'default'",
		       name);
}

void name_suggest(const char *agent, const char *workspace, unsigned attempt, char ret[NAME_SIZE])
{
	const char *slash = workspace == NULL ? NULL : strrchr(workspace, '/');
	char number[16] = "";
	size_t len, room;

	if (attempt > 1)
		(void)snprintf(number, sizeof(number), "-%u", attempt);
	room = NAME_SIZE - strlen(number);
	(void)snprintf(ret, room, "%s%s%s", agent, slash != NULL ? "-" : "",
		       slash != NULL ? slash + 1 : "");
	for (char *c = ret; *c != '\0'; c++)
		if (!is_alphanumeric(*c) && *c != '.')
			*c = '-';
	for (len = strlen(ret); len > 0 && !is_alphanumeric(ret[len - 1]); len--)
		ret[len - 1] = '\0';
	(void)snprintf(ret + len, NAME_SIZE - len, "%s", number);
}
