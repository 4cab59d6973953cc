#include "fs/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "fs/session.h"

enum { FIRST_SLOTS = 64 };

void handle_table_init(struct handle_table *table, uint32_t max)
{
	*table = (struct handle_table){ .max = max };
}

void handle_table_finish(struct handle_table *table)
{
	for (uint32_t i = 1; i < table->slots; i++)
		if (table->slot[i].number != 0)
			(void)close(table->slot[i].fd);
	free(table->slot);
	*table = (struct handle_table){ .max = table->max };
}

static int grow(struct handle_table *table)
{
	uint32_t slots = table->slots == 0 ? FIRST_SLOTS : table->slots * 2;
	struct handle *grown;

	if (table->used >= table->max)
		return -ENFILE;
	grown = reallocarray(table->slot, slots, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	table->slot = grown;
	for (uint32_t i = max_of(table->slots, 1U); i < slots; i++) {
		grown[i] = (struct handle){ .next = table->free, .fd = -1 };
		table->free = i;
	}
	table->slots = slots;
	return 0;
}

int handle_add(struct fs *fs, struct node *node, int fd, uint64_t *ret_number)
{
	struct handle_table *table = &fs->handles;
	int r = table->used >= table->max ? -ENFILE : table->free == 0 ? grow(table) : 0;
	struct handle *handle;
	uint32_t slot;

	if (r < 0) {
		(void)close(fd);
		return r;
	}
	slot = table->free;
	handle = &table->slot[slot];
	table->free = handle->next;
	table->used++;
	/* What the slot's last handle left in node is where the generation goes on. */
	handle->number = ((handle->node + 1) << 32) | slot;
	handle->node = node->id;
	handle->fd = fd;
	handle->next = node->handle;
	node->handle = slot;
	*ret_number = handle->number;
	return 0;
}

struct handle *handle_of(struct fs *fs, uint64_t number, const struct node *node)
{
	uint32_t slot = (uint32_t)number;
	struct handle *handle;

	if (slot == 0 || slot >= fs->handles.slots)
		return NULL;
	handle = &fs->handles.slot[slot];
	return handle->number == number && handle->node == node->id ? handle : NULL;
}

static void unlink_from_node(struct fs *fs, const struct handle *handle, uint32_t slot)
{
	struct node *node = node_at(fs, (uint32_t)handle->node);
	uint32_t *place;

	if (node == NULL || node->id != handle->node)
		return;
	for (place = &node->handle; *place != 0; place = &fs->handles.slot[*place].next)
		if (*place == slot) {
			*place = handle->next;
			return;
		}
}

void handle_remove(struct fs *fs, struct handle *handle)
{
	uint32_t slot = (uint32_t)handle->number;

	unlink_from_node(fs, handle, slot);
	(void)close(handle->fd);
	handle->node = handle->number >> 32;
	handle->number = 0;
	handle->fd = -1;
	handle->next = fs->handles.free;
	fs->handles.free = slot;
	fs->handles.used--;
}

void handle_remove_all(struct fs *fs, struct node *node)
{
	while (node->handle != 0)
		handle_remove(fs, &fs->handles.slot[node->handle]);
}
