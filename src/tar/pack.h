/*
 * Packs a file or a tree into a tar archive, from a folder descriptor down.
 * Symbolic links are packed as links and never followed (but see
 * follow_top); sockets, FIFOs and devices are left out, as tar does with
 * sockets. Hard links become files of their own. A file that shrinks while it
 * is read is filled up with zeros, one that grows is cut at the size it had.
 */
#ifndef TAR_PACK_H
#define TAR_PACK_H

#include <stdbool.h>

#include "tar/writer.h"

enum { TAR_DEPTH_MAX = 256 }; /* folders within folders */

struct tar_pack_config {
	int dir; /* weak; `name` is found from here, by ordinary rules up to its last part */
	const char *name; /* what to pack; "." is dir itself */
	const char *top;  /* its name in the archive; "" packs what is in the folder, not itself */
	bool follow_top;  /* when `name` is a symbolic link, pack what it points to */
};

/* Writes all entries, not the archive's end. -errno with a sentence. */
int tar_pack(const struct tar_pack_config *config, struct tar_writer *writer, struct err *err);

#endif
