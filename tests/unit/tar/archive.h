/* Archives for tests: well-formed by the writer, hostile by hand. */
#ifndef TESTS_UNIT_TAR_ARCHIVE_H
#define TESTS_UNIT_TAR_ARCHIVE_H

#include "base/buf.h"
#include "tar/entry.h"

struct archive {
	struct buf bytes;
};

void archive_init(struct archive *archive);
void archive_finish(struct archive *archive);

/* A header as it stands, with its checksum, and content padded to blocks. */
void archive_raw(struct archive *archive, char kind, const char *name, const char *link,
		 const char *content, size_t len);
void archive_file(struct archive *archive, const char *name, const char *content);
void archive_end(struct archive *archive);

#endif
