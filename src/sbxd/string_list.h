/*
 * A list of strings that it owns: `items` holds `count` of them and a NULL, so
 * it serves as an argv or envp. NULL when empty.
 */
#ifndef SBXD_STRING_LIST_H
#define SBXD_STRING_LIST_H

#include <stddef.h>

struct string_list {
	char **items; /* owned */
	size_t count;
};

/* Adds a copy of text; -ENOMEM. */
int string_list_add(struct string_list *strings, const char *text);
int string_list_copy(const struct string_list *from, struct string_list *ret);
void string_list_finish(struct string_list *strings);

#endif
