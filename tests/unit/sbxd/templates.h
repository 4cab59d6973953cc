/* Folders of templates for tests. */
#ifndef TESTS_UNIT_SBXD_TEMPLATES_H
#define TESTS_UNIT_SBXD_TEMPLATES_H

#include <stdint.h>
#include <string.h>

#include "tests/unit/sbxd/folder.h"

/* Writes a text to folder/name. */
static inline int templates_put(const char *folder, const char *name, const char *text)
{
	char *path = path_join(folder, name);
	int r = path == NULL ? -1 : file_write(AT_FDCWD, path, text, strlen(text), 0600);

	free(path);
	return r;
}

/* An erofs file of one block with nothing in it but a superblock. */
static inline int templates_put_layer(const char *folder, const char *name)
{
	uint8_t bytes[4096] = { 0 };
	char *path = path_join(folder, name);
	int r;

	memcpy(bytes + 1024, "\xe2\xe1\xf5\xe0", 4);
	bytes[1024 + 12] = 12;
	bytes[1024 + 36] = 1;
	r = path == NULL ? -1 : file_write(AT_FDCWD, path, bytes, sizeof(bytes), 0600);
	free(path);
	return r;
}

#endif
