#include "credential/query.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "credential/forms.h"
#include "credential/text.h"
#include "http/message.h"

void query_strip(char *path, query_unwanted_fn *is_unwanted, void *context)
{
	char *query = strchr(path, '?'), *from, *to;

	if (query == NULL)
		return;
	from = to = query + 1;
	while (*from != '\0') {
		size_t len = strcspn(from, "&");
		size_t name_len = strcspn(from, "=&");
		size_t value_off = name_len < len ? name_len + 1 : len;

		if (!is_unwanted(context, from, name_len, from + value_off, len - value_off)) {
			if (to > query + 1)
				*to++ = '&';
			memmove(to, from, len);
			to += len;
		}
		from += len;
		from += *from == '&';
	}
	if (to == query + 1)
		to--; /* nothing is left of the query */
	*to = '\0';
}

int query_fill(char **path, const char *placeholder, const char *value, size_t value_len)
{
	autocall(text_cleanup) char *encoded = NULL, *filled = NULL;
	size_t encoded_len, len = 0;
	char *copy;

	if (!text_holds(*path, strlen(*path), placeholder))
		return 0;
	encoded = sodium_malloc(value_len * 3 + 1);
	if (encoded == NULL)
		return -ENOMEM;
	encoded_len = forms_percent((const uint8_t *)value, value_len, encoded);
	filled = text_replace(*path, strlen(*path), placeholder, encoded, encoded_len, &len);
	if (filled == NULL)
		return -ENOMEM;
	if (len > HTTP_HEAD_MAX)
		return -E2BIG;
	copy = strdup(filled);
	if (copy == NULL)
		return -ENOMEM;
	free(*path);
	*path = copy;
	return 1;
}

static unsigned digit(char c)
{
	return isdigit((unsigned char)c) ? (unsigned)(c - '0')
					 : (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

static bool is_encoded(const char *text)
{
	return text[0] == '%' && isxdigit((unsigned char)text[1]) &&
	       isxdigit((unsigned char)text[2]);
}

char *query_decode(const char *path)
{
	char *decoded = malloc(strlen(path) + 1);
	size_t used = 0;

	if (decoded == NULL)
		return NULL;
	while (*path != '\0') {
		bool is_escape = is_encoded(path);

		decoded[used++] = is_escape ? (char)(digit(path[1]) * 16 + digit(path[2])) : *path;
		path += is_escape ? 3 : 1;
	}
	decoded[used] = '\0';
	return decoded;
}
