/*
 * A list of strings that it owns: `items` holds `count` of them and a NULL, so
 * it serves as an argv or envp. NULL when empty.
 */
#ifndef SBXD_STRING_LIST_H
#define SBXD_STRING_LIST_H

#include <jansson.h>
#include <stddef.h>

struct string_list {
	char **items; /* owned */
	size_t count;
};

/* Adds a copy of text; -ENOMEM. */
int string_list_add(struct string_list *strings, const char *text);
__attribute__((format(printf, 2, 3))) int string_list_addf(struct string_list *strings,
							   const char *format, ...);
int string_list_copy(const struct string_list *from, struct string_list *ret);
void string_list_finish(struct string_list *strings);

/* An array of strings, owned by the caller; NULL when memory is out. */
json_t *string_list_pack(const struct string_list *strings);

/*
 * Adds the strings of an array of at most max; on failure some may have been added.
 * -EINVAL: it is no array, longer, or holds something else.
 */
int string_list_unpack(const json_t *array, size_t max, struct string_list *strings);

#endif
