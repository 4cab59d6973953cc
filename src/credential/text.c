#include "credential/text.h"

#include <sodium.h>
#include <string.h>

bool text_holds(const char *text, size_t len, const char *word)
{
	return word != NULL && word[0] != '\0' && memmem(text, len, word, strlen(word)) != NULL;
}

/* Copies to `to`, or only counts when it is NULL. */
static size_t replace(const char *text, size_t len, const char *word, const char *by, size_t by_len,
		      char *to)
{
	size_t word_len = strlen(word), used = 0;
	const char *end = text + len;

	while (text < end) {
		const char *place = memmem(text, (size_t)(end - text), word, word_len);
		size_t before = place != NULL ? (size_t)(place - text) : (size_t)(end - text);

		if (to != NULL)
			memcpy(to + used, text, before);
		used += before;
		if (place == NULL)
			break;
		if (to != NULL)
			memcpy(to + used, by, by_len);
		used += by_len;
		text = place + word_len;
	}
	return used;
}

char *text_replace(const char *text, size_t len, const char *word, const char *by, size_t by_len,
		   size_t *ret_len)
{
	size_t total = replace(text, len, word, by, by_len, NULL);
	char *made = sodium_malloc(total + 1);

	if (made == NULL)
		return NULL;
	(void)replace(text, len, word, by, by_len, made);
	made[total] = '\0';
	*ret_len = total;
	return made;
}

void text_cleanup(char **text)
{
	sodium_free(*text);
}
