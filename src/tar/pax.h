/*
 * pax extended headers (POSIX.1-2001): records "LENGTH KEY=VALUE\n" that
 * say of the next entry what its ustar header cannot.
 */
#ifndef TAR_PAX_H
#define TAR_PAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct tar_entry;
struct tar_xattr;

enum {
	TAR_PAX_MAX = 65536,  /* bytes of records in one header */
	TAR_XATTRS_MAX = 64,  /* extended attributes of one entry */
	TAR_XATTR_NAME = 255, /* bytes of an attribute's name */
};

/* What was said of the next entry; absent strings are NULL. */
struct tar_pax {
	char *path, *link; /* owned */
	bool has_size, has_mtime;
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ns;
	bool has_uid, has_gid;
	uint32_t uid, gid;
	struct tar_xattr *xattrs; /* owned */
	size_t xattrs_count;
};

void tar_pax_finish(struct tar_pax *pax);

/* Adds the records to *pax; -EPROTO when malformed, -EPERM for sparse files, -ENOMEM. */
int tar_pax_parse(const uint8_t *bytes, size_t len, struct err *err, struct tar_pax *pax);

/* Appends the records that this entry needs; none when ustar can say it all. */
int tar_pax_build(const struct tar_entry *entry, struct buf *to);

#endif
