#include "tar/pax.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "tar/entry.h"
#include "tar/header.h"

enum { NS_DIGITS = 9 };

void tar_pax_finish(struct tar_pax *pax)
{
	if (pax == NULL)
		return;
	free(pax->path);
	free(pax->link);
	tar_xattrs_free(pax->xattrs);
	*pax = (struct tar_pax){ 0 };
}

/* A decimal number at the begin of len bytes; returns how many digits, 0 for none or too large. */
static size_t take_decimal(const uint8_t *bytes, size_t len, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < len && isdigit(bytes[i]); i++) {
		if (u64_mul(value, 10, &value) < 0 ||
		    u64_add(value, (uint64_t)(bytes[i] - '0'), &value) < 0)
			return 0;
	}
	*ret = value;
	return i;
}

/* A later record of the same key wins; an empty one takes it back. */
static int set_text(char **place, const uint8_t *value, size_t len)
{
	char *copy = NULL;

	if (len > TAR_NAME_MAX || memchr(value, '\0', len) != NULL)
		return -EPROTO;
	if (len > 0) {
		copy = strndup((const char *)value, len);
		if (copy == NULL)
			return -ENOMEM;
	}
	free(*place);
	*place = copy;
	return 0;
}

static int set_path(struct tar_pax *pax, const uint8_t *value, size_t len)
{
	return set_text(&pax->path, value, len);
}

static int set_link(struct tar_pax *pax, const uint8_t *value, size_t len)
{
	return set_text(&pax->link, value, len);
}

static int set_size(struct tar_pax *pax, const uint8_t *value, size_t len)
{
	pax->has_size = len > 0;
	return take_decimal(value, len, &pax->size) == len ? 0 : -EPROTO;
}

/* Seconds with a fraction of any length; before 1970 becomes 1970. */
static int set_mtime(struct tar_pax *pax, const uint8_t *value, size_t len)
{
	uint64_t seconds = 0;
	uint32_t ns = 0;
	size_t digits, i;

	pax->has_mtime = len > 0;
	pax->mtime_s = 0;
	pax->mtime_ns = 0;
	if (len == 0 || value[0] == '-')
		return 0;
	digits = take_decimal(value, len, &seconds);
	if (digits == 0 || seconds > INT64_MAX || (digits < len && value[digits] != '.'))
		return -EPROTO;
	for (i = 0; i < NS_DIGITS; i++) {
		size_t at = digits + 1 + i;

		if (at < len && !isdigit(value[at]))
			return -EPROTO;
		ns = ns * 10 + (at < len ? value[at] - (uint32_t)'0' : 0);
	}
	pax->mtime_s = (int64_t)seconds;
	pax->mtime_ns = ns;
	return 0;
}

static int set_id(const uint8_t *value, size_t len, bool *ret_has, uint32_t *ret)
{
	uint64_t id = 0;

	if (take_decimal(value, len, &id) != len || id > UINT32_MAX)
		return -EPROTO;
	*ret_has = len > 0;
	*ret = (uint32_t)id;
	return 0;
}

static int set_uid(struct tar_pax *pax, const uint8_t *value, size_t len)
{
	return set_id(value, len, &pax->has_uid, &pax->uid);
}

static int set_gid(struct tar_pax *pax, const uint8_t *value, size_t len)
{
	return set_id(value, len, &pax->has_gid, &pax->gid);
}

static const char xattr_prefix[] = "SCHILY.xattr.";

static void drop_xattr(struct tar_pax *pax, const char *name)
{
	for (struct tar_xattr **place = &pax->xattrs; *place != NULL; place = &(*place)->next) {
		struct tar_xattr *found = *place;

		if (strcmp(found->name, name) == 0) {
			*place = found->next;
			free(found);
			pax->xattrs_count--;
			return;
		}
	}
}

/* A later one of the same name wins. */
static int set_xattr(struct tar_pax *pax, const uint8_t *name, size_t name_len,
		     const uint8_t *value, size_t len)
{
	struct tar_xattr *xattr;

	if (name_len == 0 || name_len > TAR_XATTR_NAME || memchr(name, '\0', name_len) != NULL)
		return -EPROTO;
	xattr = calloc(1, sizeof(*xattr) + name_len + 1 + len);
	if (xattr == NULL)
		return -ENOMEM;
	memcpy(xattr->name, name, name_len);
	xattr->value = (uint8_t *)xattr->name + name_len + 1;
	xattr->len = len;
	memcpy(xattr->value, value, len);
	drop_xattr(pax, xattr->name);
	if (pax->xattrs_count == TAR_XATTRS_MAX) {
		free(xattr);
		return -EPROTO;
	}
	xattr->next = pax->xattrs;
	pax->xattrs = xattr;
	pax->xattrs_count++;
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct tar_pax *pax, const uint8_t *value, size_t len);
} keys[] = {
	{ "path", set_path },	{ "linkpath", set_link }, { "size", set_size },
	{ "mtime", set_mtime }, { "uid", set_uid },	  { "gid", set_gid },
};

static int take_record(const uint8_t *record, size_t len, struct err *err, struct tar_pax *pax)
{
	static const char sparse[] = "GNU.sparse";
	const size_t prefix_len = strlen(xattr_prefix);
	const uint8_t *equals = memchr(record, '=', len);
	size_t key_len = equals == NULL ? 0 : (size_t)(equals - record);

	if (key_len == 0)
		return -EPROTO;
	if (key_len >= strlen(sparse) && memcmp(record, sparse, strlen(sparse)) == 0)
		return err_set(err, -EPERM, "the archive holds a sparse file; pack it without -S");
	if (key_len >= prefix_len && memcmp(record, xattr_prefix, prefix_len) == 0)
		return set_xattr(pax, record + prefix_len, key_len - prefix_len, equals + 1,
				 len - key_len - 1);
	for (size_t i = 0; i < countof(keys); i++) {
		if (strlen(keys[i].key) == key_len && memcmp(record, keys[i].key, key_len) == 0)
			return keys[i].set(pax, equals + 1, len - key_len - 1);
	}
	return 0;
}

int tar_pax_parse(const uint8_t *bytes, size_t len, struct err *err, struct tar_pax *pax)
{
	while (len > 0) {
		uint64_t record_len = 0;
		size_t digits = take_decimal(bytes, len, &record_len);
		int r;

		if (digits == 0 || record_len > len || record_len < digits + 2 ||
		    bytes[digits] != ' ' || bytes[record_len - 1] != '\n')
			return err_set(err, -EPROTO, "the archive has a broken pax header");
		r = take_record(bytes + digits + 1, (size_t)record_len - digits - 2, err, pax);
		if (r == -EPROTO || r == -ENOMEM)
			return err_set(err, r, "the archive has a broken pax header");
		if (r < 0)
			return r;
		bytes += record_len;
		len -= (size_t)record_len;
	}
	return 0;
}

/* The length counts its own digits, so it is found by trying. */
static int put_bytes(struct buf *to, const char *prefix, const char *key, const void *value,
		     size_t value_len)
{
	size_t rest = strlen(prefix) + strlen(key) + value_len + 3, len = rest + 1;
	int r;

	for (;;) {
		size_t digits = 1;

		for (size_t n = len; n >= 10; n /= 10)
			digits++;
		if (rest + digits == len)
			break;
		len = rest + digits;
	}
	r = buf_printf(to, "%zu %s%s=", len, prefix, key);
	if (r == 0)
		r = buf_append(to, value, value_len);
	return r == 0 ? buf_append(to, "\n", 1) : r;
}

static int put_record(struct buf *to, const char *key, const char *value)
{
	return put_bytes(to, "", key, value, strlen(value));
}

int tar_pax_build(const struct tar_entry *entry, struct buf *to)
{
	char text[64];
	int r = 0;

	/* A folder's name gets a slash. */
	if (strlen(entry->name) >= TAR_FIELD_NAME)
		r = put_record(to, "path", entry->name);
	if (r == 0 && entry->link != NULL && strlen(entry->link) > TAR_FIELD_NAME)
		r = put_record(to, "linkpath", entry->link);
	if (r == 0 && entry->size_bytes > TAR_OCTAL_SIZE_MAX) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, entry->size_bytes);
		r = put_record(to, "size", text);
	}
	if (r == 0 && entry->mtime_ns != 0 && entry->mtime_s >= 0) {
		(void)snprintf(text, sizeof(text), "%" PRId64 ".%09" PRIu32, entry->mtime_s,
			       entry->mtime_ns);
		r = put_record(to, "mtime", text);
	}
	for (const struct tar_xattr *x = entry->xattrs; r == 0 && x != NULL; x = x->next)
		r = put_bytes(to, xattr_prefix, x->name, x->value, x->len);
	return r;
}
