/*
 * Where the files of an image come from: a folder, or an archive that is read in
 * place. Names are those of an OCI layout ("blobs/sha256/HEX"), or of what
 * `docker save` made.
 */
#ifndef SBXD_TEMPLATE_SOURCE_H
#define SBXD_TEMPLATE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct artefacts;
struct err;
struct template_source;

/* A part of a file. */
struct template_part {
	int fd; /* owned by who asked */
	uint64_t offset, size_bytes;
};

/* An archive, which sbx-image reads for us. */
int template_source_archive(const struct artefacts *artefacts, const char *path,
			    struct template_source **ret, struct err *err);
/* A folder of this daemon's. */
int template_source_folder(const char *path, struct template_source **ret, struct err *err);
void template_source_close(struct template_source *source);

bool template_source_has(const struct template_source *source, const char *name);

/* Opens a file; -ENOENT and a sentence when it is not there. */
int template_source_open(const struct template_source *source, const char *name,
			 struct template_part *ret, struct err *err);

/* The whole of a file, as much as buf may hold. */
int template_source_read(const struct template_source *source, const char *name, struct buf *buf,
			 struct err *err);

#endif
