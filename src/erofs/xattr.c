#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "erofs/node.h"

/* An entry: name length, name index, le16 value length, name, value; then up to a multiple of 4. */
enum { ENTRY_SIZE = 4, ENTRY_ALIGN = 4 };

/* Names begin with one of these, which the image says by its index. */
static const struct {
	const char *prefix;
	uint8_t index;
	bool is_whole; /* the prefix is all of the name */
} prefixes[] = {
	{ "user.", 1, false },
	{ "system.posix_acl_access", 2, true },
	{ "system.posix_acl_default", 3, true },
	{ "trusted.", 4, false },
	{ "security.", 6, false },
};

static int find_prefix(const char *name, size_t *ret)
{
	for (size_t i = 0; i < countof(prefixes); i++) {
		size_t len = strlen(prefixes[i].prefix);

		if (strncmp(name, prefixes[i].prefix, len) == 0 &&
		    prefixes[i].is_whole == (name[len] == '\0')) {
			*ret = i;
			return 0;
		}
	}
	return -EOPNOTSUPP;
}

int erofs_xattr_append(struct buf *xattrs, const char *name, const void *value, size_t len)
{
	static const uint8_t zeros[ENTRY_ALIGN];
	uint8_t entry[ENTRY_SIZE];
	size_t i, name_len;
	uint8_t *to;
	int r = find_prefix(name, &i);

	if (r < 0)
		return r;
	name += strlen(prefixes[i].prefix);
	name_len = strlen(name);
	if (name_len > UINT8_MAX || len > UINT16_MAX)
		return -ERANGE;
	entry[0] = (uint8_t)name_len;
	entry[1] = prefixes[i].index;
	le16_store(entry + 2, (uint16_t)len);
	to = buf_reserve(xattrs, sizeof(entry) + name_len + len + ENTRY_ALIGN);
	if (to == NULL)
		return -ENOBUFS;
	r = buf_append(xattrs, entry, sizeof(entry));
	if (r == 0)
		r = buf_append(xattrs, name, name_len);
	if (r == 0)
		r = buf_append(xattrs, value, len);
	return r == 0 ? buf_append(xattrs, zeros, -xattrs->len % ENTRY_ALIGN) : r;
}
