/*
 * One ustar header block (POSIX.1-1988), as bytes and as numbers. GNU's
 * variant of the magic is read too: it has no name prefix, and may write large
 * numbers in base 256.
 */
#ifndef TAR_HEADER_H
#define TAR_HEADER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TAR_BLOCK = 512,
	TAR_FIELD_NAME = 100, /* bytes of name and link fields */
	TAR_FIELD_PREFIX = 155,
};

#define TAR_OCTAL_SIZE_MAX 077777777777ULL /* largest size, time */
#define TAR_OCTAL_ID_MAX 07777777U	   /* largest mode, uid, gid */

struct tar_header {
	char kind; /* '0' file, '1' hard link, '2' symlink, '5' folder, 'x' pax, … */
	char name[TAR_FIELD_PREFIX + 1 + TAR_FIELD_NAME + 1];
	char link[TAR_FIELD_NAME + 1];
	uint32_t mode, uid, gid;
	uint64_t size, mtime;
};

bool tar_header_is_zero(const uint8_t block[TAR_BLOCK]);

/* -EPROTO when the checksum is wrong or a number is none. */
int tar_header_parse(const uint8_t block[TAR_BLOCK], struct tar_header *ret);

/* name and link are cut to their fields, numbers must fit theirs. */
void tar_header_build(const struct tar_header *header, uint8_t to[TAR_BLOCK]);

#endif
