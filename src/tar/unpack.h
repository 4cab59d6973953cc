/*
 * Unpacks a tar archive from hostile hands under a folder descriptor, and
 * nowhere else: every path is resolved by openat2(RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS), so neither the archive's links nor links that were
 * there before nor links that appear meanwhile lead out of the folder.
 *
 * Files are written to a temporary name, given mode and time, and renamed
 * over what was there: no existing file is ever written into. A hard link may
 * only point to a file that came out of this archive. Symbolic links are made
 * as they are and never followed. Existing folders are kept, with mode and time;
 * new ones get theirs when the archive leaves them. setuid and setgid
 * are dropped. Owner is the caller, or as the configuration says; never what the
 * archive says. After an error the part that was unpacked stays.
 */
#ifndef TAR_UNPACK_H
#define TAR_UNPACK_H

#include <stdbool.h>

#include "tar/reader.h"

struct tar_unpack_config {
	int root;	 /* weak; the folder */
	const char *top; /* weak; NULL: names as they are. Else the archive must hold one thing,
			    which gets this name (a single path part) */
	bool own;	 /* give everything made to uid:gid */
	uid_t uid;
	gid_t gid;
	struct tar_limits limits;
};

struct tar_unpack;

/* The configuration is copied; what it points to must outlive the unpacker. */
int tar_unpack_create(const struct tar_unpack_config *config, struct tar_unpack **ret);
void tar_unpack_destroy(struct tar_unpack *unpack);

int tar_unpack_feed(struct tar_unpack *unpack, const void *bytes, size_t len, struct err *err);

/* No more bytes come. -EPROTO when the archive was cut short; -ENOENT when top is set and nothing
 * came. */
int tar_unpack_finish(struct tar_unpack *unpack, struct err *err);

#endif
