/*
 * An intrusive doubly linked ring. The head and every node are `struct list`;
 * a node belongs to the structure that embeds it. An initialised node that is
 * in no list points to itself, so removing it twice is harmless.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>

#include "base/check.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *list)
{
	list->prev = list->next = list;
}

static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

/* Puts node at the end of the ring that head heads. */
static inline void list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Walks nodes; `next` makes removal of the current node safe. */
#define list_for_each(node, tmp, head)                                            \
	for (struct list *node = (head)->next, *tmp = node->next; node != (head); \
	     node = tmp, tmp = node->next)

#endif
