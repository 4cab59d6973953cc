/*
 * One thing in a tar archive: a file, a folder, or a link to something.
 *
 * Names are kept in one form: relative, parts joined by single slashes, no
 * "." part, no ".." part, no NUL; "" is the folder that the archive was made
 * of ("./" in other people's archives). What cannot be brought into that form
 * is refused.
 */
#ifndef TAR_ENTRY_H
#define TAR_ENTRY_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
	TAR_NAME_MAX = 4095,   /* bytes of a name or a link's target */
	TAR_MODE_MASK = 01777, /* what is kept of a mode: never setuid or setgid */
	TAR_SET_ID_MASK = 06000,
	TAR_XATTRS_PACKED = 64, /* extended attributes of one entry */
};

enum tar_type {
	TAR_FILE,
	TAR_FOLDER,
	TAR_SYMLINK,
	TAR_HARDLINK,
};

/* An extended attribute, as pax records "SCHILY.xattr.NAME" bring it. */
struct tar_xattr {
	struct tar_xattr *next;
	uint8_t *value; /* weak: within this allocation */
	size_t len;	/* of value */
	char name[];	/* with its NUL */
};

struct tar_entry {
	enum tar_type type;
	char *name; /* owned */
	char *link; /* owned; SYMLINK: any text; HARDLINK: a name as above; else NULL */
	mode_t mode;
	mode_t set_id; /* setuid and setgid bits, for who makes images */
	uid_t uid;
	gid_t gid;
	uint64_t size_bytes;	  /* FILE; else 0 */
	int64_t mtime_s;	  /* since 1970 */
	uint32_t mtime_ns;	  /* below 1000000000 */
	struct tar_xattr *xattrs; /* owned; each name once */
};

void tar_xattrs_free(struct tar_xattr *xattrs);

void tar_entry_finish(struct tar_entry *entry);

/* Brings a name into its one form; owned by the caller. -EPERM with a sentence naming it. */
int tar_name_normalise(const char *name, struct err *err, char **ret);

/*
 * A name as it may be shown to a person: control bytes and what is no ASCII
 * become '?', so that an archive cannot speak to a terminal; cut when long.
 */
enum { TAR_SHOWN_MAX = 256 };

struct tar_shown {
	char text[TAR_SHOWN_MAX];
};

struct tar_shown tar_show(const char *name);

#endif
