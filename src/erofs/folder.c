#include "erofs/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "erofs/format.h"

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct folder_entry *)a)->text,
		      ((const struct folder_entry *)b)->text);
}

static size_t count_children(const struct erofs_node *folder)
{
	size_t count = 0;

	list_for_each (node, next, &folder->children)
		count++;
	return count;
}

int folder_list(struct erofs_node *folder, struct folder_listing *ret)
{
	struct folder_entry *entries = calloc(count_children(folder) + 2, sizeof(*entries));
	size_t count = 0;

	if (entries == NULL)
		return -ENOMEM;
	entries[count++] = (struct folder_entry){ ".", folder };
	entries[count++] = (struct folder_entry){ "..", folder->parent };
	list_for_each (node, next, &folder->children) {
		const struct erofs_name *name = container_of(node, struct erofs_name, siblings);

		entries[count++] = (struct folder_entry){ name->text, name->node };
	}
	qsort(entries, count, sizeof(*entries), compare_entries);
	*ret = (struct folder_listing){ .entries = entries, .count = count };
	return 0;
}

void folder_listing_finish(struct folder_listing *listing)
{
	free(listing->entries);
	*listing = (struct folder_listing){ 0 };
}

size_t folder_fit(const struct folder_listing *listing, size_t first, size_t *ret_bytes)
{
	size_t i, used = 0;

	for (i = first; i < listing->count; i++) {
		size_t len = EROFS_DIRENT_SIZE + strlen(listing->entries[i].text);

		if (len > EROFS_BLOCK - used)
			break;
		used += len;
	}
	*ret_bytes = used;
	return i - first;
}

static enum erofs_type type_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return EROFS_TYPE_FOLDER;
	if (S_ISLNK(mode))
		return EROFS_TYPE_SYMLINK;
	if (S_ISCHR(mode))
		return EROFS_TYPE_CHAR;
	if (S_ISBLK(mode))
		return EROFS_TYPE_BLOCK;
	if (S_ISFIFO(mode))
		return EROFS_TYPE_FIFO;
	return S_ISSOCK(mode) ? EROFS_TYPE_SOCKET : EROFS_TYPE_FILE;
}

void folder_pack(const struct folder_listing *listing, size_t first, size_t count, uint8_t *to)
{
	size_t name_at = count * EROFS_DIRENT_SIZE;

	for (size_t i = 0; i < count; i++) {
		const struct folder_entry *entry = &listing->entries[first + i];
		uint8_t *dirent = to + i * EROFS_DIRENT_SIZE;
		size_t len = strlen(entry->text);

		le64_store(dirent + DIRENT_AT_SLOT, entry->node->position / EROFS_SLOT);
		le16_store(dirent + DIRENT_AT_NAME, (uint16_t)name_at);
		dirent[DIRENT_AT_TYPE] = (uint8_t)type_of(entry->node->attributes.mode);
		memcpy(to + name_at, entry->text, len);
		name_at += len;
	}
}
