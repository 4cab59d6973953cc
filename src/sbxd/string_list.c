#include "sbxd/string_list.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/format.h"

int string_list_add(struct string_list *strings, const char *text)
{
	char **items = reallocarray(strings->items, strings->count + 2, sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	strings->items = items;
	items[strings->count] = strdup(text);
	if (items[strings->count] == NULL)
		return -ENOMEM;
	items[++strings->count] = NULL;
	return 0;
}

int string_list_addf(struct string_list *strings, const char *format, ...)
{
	autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	return text == NULL ? -ENOMEM : string_list_add(strings, text);
}

int string_list_copy(const struct string_list *from, struct string_list *ret)
{
	struct string_list copy = { .count = 0 };

	for (size_t i = 0; i < from->count; i++) {
		int r = string_list_add(&copy, from->items[i]);

		if (r < 0) {
			string_list_finish(&copy);
			return r;
		}
	}
	*ret = copy;
	return 0;
}

json_t *string_list_pack(const struct string_list *strings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < strings->count; i++)
		(void)json_array_append_new(array, json_string(strings->items[i]));
	return array;
}

int string_list_unpack(const json_t *array, size_t max, struct string_list *strings)
{
	if (!json_is_array(array) || json_array_size(array) > max)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *text = json_string_value(json_array_get(array, i));
		int r = text == NULL ? -EINVAL : string_list_add(strings, text);

		if (r < 0)
			return r;
	}
	return 0;
}

void string_list_finish(struct string_list *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct string_list){ .count = 0 };
}
