#include "sbxd/tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"

void tail_append(struct tail *tail, const char *bytes, size_t len)
{
	if (tail->bytes == NULL)
		tail->bytes = malloc(TAIL_SIZE);
	if (tail->bytes == NULL)
		return;
	for (size_t i = 0; i < len; i++)
		tail->bytes[tail->total++ % TAIL_SIZE] = bytes[i];
}

char *tail_copy(const struct tail *tail, size_t max, size_t *ret_len)
{
	size_t kept = min_of(tail->total, (size_t)TAIL_SIZE), len = min_of(kept, max);
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++)
		copy[i] = tail->bytes[(tail->total - len + i) % TAIL_SIZE];
	copy[len] = '\0';
	*ret_len = len;
	return copy;
}

void tail_last_line(const struct tail *tail, char *ret, size_t size)
{
	size_t len = 0, start, out = 0;
	autofree char *text = tail_copy(tail, 4096, &len);

	ret[0] = '\0';
	if (text == NULL)
		return;
	while (len > 0 && (unsigned char)text[len - 1] <= ' ')
		len--;
	for (start = len; start > 0 && text[start - 1] != '\n'; start--)
		;
	for (; start < len && out + 1 < size; start++)
		if (text[start] >= ' ' && text[start] < 127)
			ret[out++] = text[start];
	ret[out] = '\0';
}

void tail_clear(struct tail *tail)
{
	free(tail->bytes);
	*tail = (struct tail){ .total = 0 };
}
