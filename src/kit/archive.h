/* The files of kits as one tar archive that is the same every time. */
#ifndef KIT_ARCHIVE_H
#define KIT_ARCHIVE_H

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"

struct err;
struct kit_bundle;

/* A layer of files, what a later one has hides what an earlier one has. Weak. */
struct archive_layer {
	const struct kit_bundle *bundle;
	const json_t *arguments; /* replaced in the files; NULL: files stay as they are */
};

/*
 * Appends an archive of regular files, mode 0644, owner 1000:1000, time 0,
 * sorted by name; nothing when no layer has files. With a sentence: -EBADMSG
 * for a file whose expressions are wrong or that is a folder elsewhere,
 * -ENOBUFS, -ENOMEM.
 */
int kit_archive(const struct archive_layer *layers, size_t count, struct buf *ret, struct err *err);

#endif
