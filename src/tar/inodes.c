#include "tar/inodes.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SIZE = 64 };

void inodes_finish(struct inodes *inodes)
{
	if (inodes == NULL)
		return;
	free(inodes->places);
	*inodes = (struct inodes){ 0 };
}

/* Where it is, or the free place where it goes. Never full, so this ends. */
static size_t find(const uint64_t *places, size_t size, uint64_t inode)
{
	size_t i = (size_t)(inode * 0x9e3779b97f4a7c15u >> 20) & (size - 1);

	while (places[i] != 0 && places[i] != inode)
		i = (i + 1) & (size - 1);
	return i;
}

static int grow(struct inodes *inodes)
{
	size_t size = inodes->size == 0 ? FIRST_SIZE : inodes->size * 2;
	uint64_t *places = calloc(size, sizeof(*places));

	if (places == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < inodes->size; i++) {
		if (inodes->places[i] != 0)
			places[find(places, size, inodes->places[i])] = inodes->places[i];
	}
	free(inodes->places);
	inodes->places = places;
	inodes->size = size;
	return 0;
}

int inodes_add(struct inodes *inodes, uint64_t inode)
{
	size_t i;

	if (inodes->count >= inodes->size / 2 && grow(inodes) < 0)
		return -ENOMEM;
	i = find(inodes->places, inodes->size, inode);
	inodes->count += inodes->places[i] == 0;
	inodes->places[i] = inode;
	return 0;
}

bool inodes_has(const struct inodes *inodes, uint64_t inode)
{
	return inodes->size > 0 && inode != 0 &&
	       inodes->places[find(inodes->places, inodes->size, inode)] == inode;
}
