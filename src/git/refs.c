#include "git/refs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"

enum { LOOSE_MAX = 4096, NAME_MAX_BYTES = 1024 };

static int open_beneath(int folder, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					   RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Appends a regular file of at most `max` bytes; what is too large is cut. */
static int read_beneath(int folder, const char *path, size_t max, struct buf *ret)
{
	autoclose int fd = open_beneath(folder, path, O_RDONLY);
	struct stat found;
	size_t size;
	ssize_t n;
	void *room;

	if (fd < 0)
		return fd;
	if (fstat(fd, &found) < 0)
		return -errno;
	if (!S_ISREG(found.st_mode))
		return -ENOENT;
	size = (uint64_t)found.st_size > max ? max : (size_t)found.st_size;
	room = size > 0 ? buf_reserve(ret, size) : NULL;
	if (room == NULL)
		return size == 0 ? 0 : -ENOMEM;
	n = fd_read_full(fd, room, size);
	if (n > 0)
		ret->len += (size_t)n;
	return n < 0 ? (int)n : 0;
}

int refs_take_oid(const char *text, size_t len, char ret[GIT_OID_MAX + 1])
{
	char oid[GIT_OID_MAX + 1];
	size_t digits = 0;

	while (digits < len && digits <= GIT_OID_MAX && text[digits] != '\n' &&
	       text[digits] != '\r' && text[digits] != ' ')
		digits++;
	if (digits > GIT_OID_MAX)
		return -EINVAL;
	memcpy(oid, text, digits);
	oid[digits] = '\0';
	if (!git_is_oid(oid))
		return -EINVAL;
	memcpy(ret, oid, digits + 1);
	return 0;
}

static int read_loose(int folder, const char *path, char ret[GIT_OID_MAX + 1])
{
	autocall(buf_finish) struct buf bytes;
	int r;

	buf_init(&bytes, LOOSE_MAX);
	r = read_beneath(folder, path, GIT_OID_MAX + 2, &bytes);
	return r < 0 ? r : refs_take_oid((const char *)bytes.data, bytes.len, ret);
}

/* "OID NAME"; lines with '#' and '^' are headers and peeled tags. */
static int visit_line(const char *line, size_t len,
		      int (*visit)(void *context, const char *name, const char *oid), void *context)
{
	char oid[GIT_OID_MAX + 1], name[NAME_MAX_BYTES];
	size_t oid_len;

	if (len == 0 || *line == '#' || *line == '^' || refs_take_oid(line, len, oid) < 0)
		return 0;
	oid_len = strlen(oid);
	if (len < oid_len + 2 || line[oid_len] != ' ' || len - oid_len - 1 >= sizeof(name))
		return 0;
	memcpy(name, line + oid_len + 1, len - oid_len - 1);
	name[len - oid_len - 1] = '\0';
	return strlen(name) == len - oid_len - 1 ? visit(context, name, oid) : 0;
}

int refs_walk_packed(const char *text, size_t len,
		     int (*visit)(void *context, const char *name, const char *oid), void *context)
{
	int r = 0;

	while (r == 0 && len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line = end != NULL ? (size_t)(end - text) : len;
		size_t used = end != NULL ? line + 1 : line;

		r = visit_line(text, line, visit, context);
		text += used;
		len -= used;
	}
	return r;
}

static int walk_packed(int folder, int (*visit)(void *context, const char *name, const char *oid),
		       void *context)
{
	autocall(buf_finish) struct buf bytes;
	int r;

	buf_init(&bytes, REFS_PACKED_MAX);
	r = read_beneath(folder, "packed-refs", REFS_PACKED_MAX, &bytes);
	if (r < 0)
		return r == -ENOENT || r == -ELOOP ? 0 : r;
	return refs_walk_packed((const char *)bytes.data, bytes.len, visit, context);
}

struct wanted {
	const char *name;
	char *oid;
};

static int match(void *context, const char *name, const char *oid)
{
	const struct wanted *wanted = context;

	if (strcmp(name, wanted->name) != 0)
		return 0;
	(void)snprintf(wanted->oid, GIT_OID_MAX + 1, "%s", oid);
	return 1;
}

static int open_git_dir(const char *git_dir, struct err *err)
{
	int fd = open(git_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_set_errno(err, -errno, "cannot open the repository '%s'", git_dir) : fd;
}

int refs_read_branch(const char *git_dir, const char *name, char ret[GIT_OID_MAX + 1],
		     struct err *err)
{
	autoclose int folder = open_git_dir(git_dir, err);
	autofree char *ref = NULL;
	struct wanted wanted;
	int r;

	if (folder < 0)
		return folder;
	if (asprintf(&ref, "refs/heads/%s", name) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (read_loose(folder, ref, ret) == 0)
		return 0;
	wanted = (struct wanted){ .name = ref, .oid = ret };
	r = walk_packed(folder, match, &wanted);
	if (r < 0)
		return err_set_errno(err, r, "cannot read the branches in '%s'", git_dir);
	return r == 1 ? 0
		      : err_set(err, -ENOENT, "the sandbox has removed its branch '%s' in '%s'",
				name, git_dir);
}

/* What was found, one object name a line. */
struct gathering {
	struct buf *lines;
	size_t count;
};

static int gather(void *context, const char *name, const char *oid)
{
	struct gathering *gathering = context;

	if (strncmp(name, "refs/heads/", 11) != 0 && strcmp(name, "refs/stash") != 0)
		return 0;
	if (gathering->count++ == REFS_HEADS_MAX)
		return -E2BIG;
	return buf_printf(gathering->lines, "%s\n", oid);
}

static int gather_loose(int folder, const char *path, const char *name, struct gathering *gathering)
{
	char oid[GIT_OID_MAX + 1];

	return read_loose(folder, path, oid) == 0 ? gather(gathering, name, oid) : 0;
}

static int gather_folder(int folder, const char *path, int depth, struct gathering *gathering);

static int gather_entry(int folder, const char *path, const struct dirent *entry, int depth,
			struct gathering *gathering)
{
	autofree char *child = NULL;

	if (entry->d_name[0] == '.')
		return 0;
	if (asprintf(&child, "%s/%s", path, entry->d_name) < 0)
		return -ENOMEM;
	if (entry->d_type == DT_REG)
		return gather_loose(folder, child, child, gathering);
	return gather_folder(folder, child, depth + 1, gathering);
}

/* The names are limited by what gather() takes, folders by their depth. */
static int gather_folder(int folder, const char *path, int depth, struct gathering *gathering)
{
	int fd = depth > REFS_DEPTH_MAX ? -E2BIG
					: open_beneath(folder, path, O_RDONLY | O_DIRECTORY);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t seen = 0;
	int r = 0;

	if (listing == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return fd == -E2BIG ? fd : 0;
	}
	while (r == 0 && (entry = readdir(listing)) != NULL)
		r = seen++ > REFS_HEADS_MAX ? -E2BIG
					    : gather_entry(folder, path, entry, depth, gathering);
	(void)closedir(listing);
	return r;
}

int refs_read_all(const char *git_dir, struct buf *ret, struct err *err)
{
	struct gathering gathering = { .lines = ret };
	autoclose int folder = open_git_dir(git_dir, err);
	int r;

	if (folder < 0)
		return folder;
	r = gather_folder(folder, "refs/heads", 0, &gathering);
	if (r == 0)
		r = gather_loose(folder, "refs/stash", "refs/stash", &gathering);
	if (r == 0)
		r = gather_loose(folder, "HEAD", "refs/heads/", &gathering);
	if (r == 0)
		r = walk_packed(folder, gather, &gathering);
	if (r == -E2BIG)
		return err_set(err, r, "'%s' has more than %d branches", git_dir, REFS_HEADS_MAX);
	return r < 0 ? err_set_errno(err, r, "cannot read the branches in '%s'", git_dir) : 0;
}
