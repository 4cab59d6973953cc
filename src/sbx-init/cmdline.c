#include "sbx-init/cmdline.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

#define SPACE " \t\n"

/* The number after `key=` in the word of that length, 0 when it is another word. */
static int word_number(const char *word, size_t len, const char *key, unsigned max)
{
	size_t key_len = strlen(key);
	uint64_t number = 0;
	char digits[16];

	if (len <= key_len || strncmp(word, key, key_len) != 0 || word[key_len] != '=')
		return 0;
	(void)snprintf(digits, sizeof(digits), "%.*s", (int)(len - key_len - 1),
		       word + key_len + 1);
	if (parse_u64(digits, max, &number) < 0 || number == 0)
		return -EINVAL;
	return (int)number;
}

int cmdline_number(const char *cmdline, const char *key, unsigned otherwise, unsigned max)
{
	int found = (int)otherwise;

	for (const char *word = cmdline + strspn(cmdline, SPACE); *word != '\0';) {
		size_t len = strcspn(word, SPACE);
		int number = word_number(word, len, key, max);

		if (number != 0)
			found = number;
		word += len;
		word += strspn(word, SPACE);
	}
	return found;
}
