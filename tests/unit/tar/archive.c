#include "tests/unit/tar/archive.h"

#include <stdio.h>
#include <string.h>

#include "tar/header.h"

void archive_init(struct archive *archive)
{
	buf_init(&archive->bytes, 1 << 24);
}

void archive_finish(struct archive *archive)
{
	buf_finish(&archive->bytes);
}

void archive_raw(struct archive *archive, char kind, const char *name, const char *link,
		 const char *content, size_t len)
{
	static const uint8_t zeros[TAR_BLOCK];
	struct tar_header header = {
		.kind = kind, .mode = kind == '5' ? 0755 : 0644, .size = len, .mtime = 1000
	};
	uint8_t block[TAR_BLOCK];

	(void)snprintf(header.name, sizeof(header.name), "%s", name);
	(void)snprintf(header.link, sizeof(header.link), "%s", link);
	tar_header_build(&header, block);
	(void)buf_append(&archive->bytes, block, sizeof(block));
	(void)buf_append(&archive->bytes, content, len);
	(void)buf_append(&archive->bytes, zeros, -len % TAR_BLOCK);
}

void archive_file(struct archive *archive, const char *name, const char *content)
{
	archive_raw(archive, '0', name, "", content, strlen(content));
}

void archive_end(struct archive *archive)
{
	static const uint8_t zeros[2 * TAR_BLOCK];

	(void)buf_append(&archive->bytes, zeros, sizeof(zeros));
}
