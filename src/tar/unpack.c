/*
 * Each entry is put in place by a maker, chosen by its type. All of them get
 * the descriptor of the folder that holds the entry, so nothing after that
 * resolves more than one name.
 *
 * Folders that we made are kept on a stack as long as the archive is inside
 * them: they are writable until it leaves, then get their mode and time.
 */
#include "tar/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "tar/beneath.h"
#include "tar/inodes.h"
#include "tar/pack.h"

enum { TEMPORARY_MAX = 64, TRIES_MAX = 100, IMPLIED_MODE = 0755 };

/* How the archive's names become ours; known from the first entry when there is a top. */
enum naming { NAMES_UNKNOWN, NAMES_AS_THEY_ARE, NAMES_BELOW_TOP, NAMES_REPLACED };

struct folder {
	char *path; /* owned */
	mode_t mode;
	struct timespec mtime;
};

struct tar_unpack {
	struct tar_unpack_config config;
	struct tar_reader *reader; /* owned */
	enum naming naming;
	char *first; /* NAMES_REPLACED: the one first part; owned */

	struct folder stack[TAR_DEPTH_MAX];
	size_t depth;
	dev_t device; /* of root; only there may a hard link point */
	struct inodes made;
	unsigned temporaries; /* names used so far */

	/* The file being written; -1 and "" between files. */
	int file, parent; /* owned */
	char temporary[TEMPORARY_MAX];
	struct tar_entry entry; /* with our name */
};

static int fail(int r, const char *what, const char *name, struct err *err)
{
	if (r == -ELOOP)
		return err_set(err, r, "'%s' leads through a symbolic link", tar_show(name).text);
	return err_set_errno(err, r, "cannot %s '%s'", what, tar_show(name).text);
}

static struct timespec time_of(const struct tar_entry *entry)
{
	return (struct timespec){ .tv_sec = entry->mtime_s, .tv_nsec = (long)entry->mtime_ns };
}

/* --- names --- */

static int join(const char *top, const char *below, char **ret)
{
	int n = below[0] == '\0' ? asprintf(ret, "%s", top) : asprintf(ret, "%s/%s", top, below);

	return n < 0 ? -ENOMEM : 0;
}

static void learn_naming(struct tar_unpack *unpack, const char *name)
{
	if (unpack->naming != NAMES_UNKNOWN)
		return;
	unpack->naming = name[0] == '\0' ? NAMES_BELOW_TOP : NAMES_REPLACED;
	unpack->first = strndup(name, strcspn(name, "/"));
}

/* Our name for one of the archive's; owned by the caller. */
static int map_name(struct tar_unpack *unpack, const char *name, struct err *err, char **ret)
{
	size_t part = strcspn(name, "/");
	char *mapped = NULL;
	int r;

	learn_naming(unpack, name);
	if (unpack->naming == NAMES_AS_THEY_ARE) {
		mapped = strdup(name);
		r = mapped == NULL ? -ENOMEM : 0;
	} else if (unpack->naming == NAMES_BELOW_TOP) {
		r = join(unpack->config.top, name, &mapped);
	} else if (unpack->first == NULL) {
		r = -ENOMEM;
	} else if (strlen(unpack->first) != part || memcmp(unpack->first, name, part) != 0) {
		return err_set(err, -EINVAL,
			       "the archive holds more than one thing: '%s' beside '%s'",
			       tar_show(name).text, tar_show(unpack->first).text);
	} else {
		r = join(unpack->config.top, name + part + (name[part] == '/'), &mapped);
	}
	if (r == 0 && strlen(mapped) > TAR_NAME_MAX) {
		free(mapped);
		r = -ENAMETOOLONG;
	}
	if (r < 0)
		return fail(r, "unpack", name, err);
	*ret = mapped;
	return 0;
}

/* --- folders --- */

static int own(const struct tar_unpack *unpack, int dir, const char *name)
{
	if (!unpack->config.own)
		return 0;
	return fchownat(dir, name, unpack->config.uid, unpack->config.gid, AT_SYMLINK_NOFOLLOW) < 0
		       ? -errno
		       : 0;
}

/* Makes one folder; 1 when it was there before. */
static int make_folder_at(const struct tar_unpack *unpack, int dir, const char *name, mode_t mode)
{
	if (mkdirat(dir, name, mode) == 0)
		return own(unpack, dir, name);
	return errno == EEXIST ? 1 : -errno;
}

/* Makes the missing folders above path and opens the one that holds it. */
static int make_parents(const struct tar_unpack *unpack, const char *path, int *ret)
{
	autoclose int dir = -1;
	char part[NAME_MAX + 1];
	int r = beneath_open(unpack->config.root, "", O_PATH | O_DIRECTORY, &dir);

	while (r == 0) {
		const char *slash = strchr(path, '/');
		int next;

		if (slash == NULL) {
			*ret = take_fd(&dir);
			return 0;
		}
		if ((size_t)(slash - path) > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		r = make_folder_at(unpack, dir, part, IMPLIED_MODE);
		if (r >= 0)
			r = beneath_open(dir, part, O_PATH | O_DIRECTORY, &next);
		if (r < 0)
			return r;
		(void)close(dir);
		dir = next;
		path = slash + 1;
	}
	return r;
}

static int open_parent(const struct tar_unpack *unpack, const char *path, int *ret,
		       const char **ret_base)
{
	const char *slash = strrchr(path, '/');
	int r = beneath_open_parent(unpack->config.root, path, ret, ret_base);

	if (r != -ENOENT)
		return r;
	*ret_base = slash == NULL ? path : slash + 1;
	return make_parents(unpack, path, ret);
}

/* The archive has left the folder: it gets its mode and time. */
static int leave_folder(struct tar_unpack *unpack, struct err *err)
{
	struct folder *folder = &unpack->stack[--unpack->depth];
	autofree char *path = take_ptr(folder->path);
	const struct timespec times[2] = { folder->mtime, folder->mtime };
	autoclose int fd = -1;
	int r = beneath_open(unpack->config.root, path, O_RDONLY | O_DIRECTORY, &fd);

	if (r == 0 && (futimens(fd, times) < 0 || fchmod(fd, folder->mode) < 0))
		r = -errno;
	return r < 0 ? fail(r, "finish the folder", path, err) : 0;
}

static bool is_inside(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static int leave_folders(struct tar_unpack *unpack, const char *path, struct err *err)
{
	while (unpack->depth > 0 && !is_inside(path, unpack->stack[unpack->depth - 1].path)) {
		int r = leave_folder(unpack, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int make_folder(struct tar_unpack *unpack, int dir, const char *base, struct err *err)
{
	struct tar_entry *entry = &unpack->entry;
	autoclose int there = -1;
	int r;

	if (unpack->depth == TAR_DEPTH_MAX)
		return fail(-ENAMETOOLONG, "make the folder", entry->name, err);
	r = make_folder_at(unpack, dir, base, S_IRWXU);
	/* What was there must be a folder, and stays as it is. */
	if (r == 1)
		r = beneath_open(dir, base, O_PATH | O_DIRECTORY, &there);
	if (r < 0)
		return fail(r, "make the folder", entry->name, err);
	if (there >= 0)
		return 0;
	unpack->stack[unpack->depth++] = (struct folder){ .path = take_ptr(entry->name),
							  .mode = entry->mode,
							  .mtime = time_of(entry) };
	return 0;
}

/* --- everything else appears under a temporary name and is renamed --- */

static void next_temporary(struct tar_unpack *unpack)
{
	(void)snprintf(unpack->temporary, sizeof(unpack->temporary), ".sbx-unpack-%d-%u",
		       (int)getpid(), unpack->temporaries++);
}

static int put_in_place(struct tar_unpack *unpack, int dir, const char *base)
{
	int r = renameat(dir, unpack->temporary, dir, base) < 0 ? -errno : 0;

	/* Gone after a rename, but for two names of one file, where rename does nothing. */
	(void)unlinkat(dir, unpack->temporary, 0);
	unpack->temporary[0] = '\0';
	return r;
}

static int make_symlink(struct tar_unpack *unpack, int dir, const char *base, struct err *err)
{
	const struct tar_entry *entry = &unpack->entry;
	const struct timespec times[2] = { time_of(entry), time_of(entry) };
	int r = -EEXIST;

	for (int i = 0; r == -EEXIST && i < TRIES_MAX; i++) {
		next_temporary(unpack);
		r = symlinkat(entry->link, dir, unpack->temporary) < 0 ? -errno : 0;
	}
	if (r == 0)
		r = own(unpack, dir, unpack->temporary);
	if (r == 0) {
		(void)utimensat(dir, unpack->temporary, times, AT_SYMLINK_NOFOLLOW);
		r = put_in_place(unpack, dir, base);
	}
	return r < 0 ? fail(r, "make the link", entry->name, err) : 0;
}

static bool is_ours(const struct tar_unpack *unpack, const struct stat *info)
{
	return S_ISREG(info->st_mode) && info->st_dev == unpack->device &&
	       inodes_has(&unpack->made, info->st_ino);
}

/* A hard link to what was there before would give it away to whoever reads the copy. */
static int make_hardlink(struct tar_unpack *unpack, int dir, const char *base, struct err *err)
{
	const struct tar_entry *entry = &unpack->entry;
	autofree char *target = NULL;
	autoclose int from = -1;
	const char *from_base;
	struct stat info;
	int r = map_name(unpack, entry->link, err, &target);

	if (r < 0)
		return r;
	r = beneath_open_parent(unpack->config.root, target, &from, &from_base);
	if (r == 0 && fstatat(from, from_base, &info, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && !is_ours(unpack, &info))
		return err_set(err, -EPERM,
			       "the archive's entry '%s' links to '%s', which is not its",
			       tar_show(entry->name).text, tar_show(target).text);
	if (r == 0) {
		next_temporary(unpack);
		r = linkat(from, from_base, dir, unpack->temporary, 0) < 0 ? -errno : 0;
	}
	if (r == 0)
		r = put_in_place(unpack, dir, base);
	return r < 0 ? fail(r, "link", entry->name, err) : 0;
}

/* Opens a new file under a temporary name; unpack keeps it and, with it, dir. */
static int begin_file(struct tar_unpack *unpack, int *dir, struct err *err)
{
	int r = -EEXIST;

	for (int i = 0; r == -EEXIST && i < TRIES_MAX; i++) {
		next_temporary(unpack);
		unpack->file = openat(*dir, unpack->temporary,
				      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		r = unpack->file < 0 ? -errno : 0;
	}
	if (r < 0) {
		unpack->temporary[0] = '\0';
		return fail(r, "make the file", unpack->entry.name, err);
	}
	unpack->parent = take_fd(dir);
	return 0;
}

static void close_file(struct tar_unpack *unpack)
{
	if (unpack->temporary[0] != '\0' && unpack->parent >= 0)
		(void)unlinkat(unpack->parent, unpack->temporary, 0);
	unpack->temporary[0] = '\0';
	cleanup_close(&unpack->file);
	cleanup_close(&unpack->parent);
	unpack->file = unpack->parent = -1;
}

static int finish_file(struct tar_unpack *unpack)
{
	const struct tar_entry *entry = &unpack->entry;
	const struct timespec times[2] = { time_of(entry), time_of(entry) };
	const char *slash = strrchr(entry->name, '/');
	struct stat info;

	if (unpack->config.own && fchown(unpack->file, unpack->config.uid, unpack->config.gid) < 0)
		return -errno;
	if (fchmod(unpack->file, entry->mode & 0777) < 0 || futimens(unpack->file, times) < 0 ||
	    fstat(unpack->file, &info) < 0)
		return -errno;
	if (info.st_dev == unpack->device && inodes_add(&unpack->made, info.st_ino) < 0)
		return -ENOMEM;
	return put_in_place(unpack, unpack->parent, slash == NULL ? entry->name : slash + 1);
}

/* --- the reader's calls --- */

static int make_entry(struct tar_unpack *unpack, struct err *err)
{
	autoclose int dir = -1;
	const char *base;
	int r = open_parent(unpack, unpack->entry.name, &dir, &base);

	if (r < 0)
		return fail(r, "unpack", unpack->entry.name, err);
	switch (unpack->entry.type) {
	case TAR_FILE:
		return begin_file(unpack, &dir, err);
	case TAR_FOLDER:
		return make_folder(unpack, dir, base, err);
	case TAR_SYMLINK:
		return make_symlink(unpack, dir, base, err);
	case TAR_HARDLINK:
		return make_hardlink(unpack, dir, base, err);
	}
	return err_set(err, -EPROTO, "the archive is broken");
}

static int on_begin(void *context, const struct tar_entry *entry, struct err *err)
{
	struct tar_unpack *unpack = context;
	char *link = entry->link == NULL ? NULL : strdup(entry->link);
	int r;

	if (entry->link != NULL && link == NULL)
		return fail(-ENOMEM, "unpack", entry->name, err);
	tar_entry_finish(&unpack->entry);
	unpack->entry = *entry;
	unpack->entry.name = NULL;
	unpack->entry.link = link;
	r = map_name(unpack, entry->name, err, &unpack->entry.name);
	if (r == 0)
		r = leave_folders(unpack, unpack->entry.name, err);
	if (r < 0)
		return r;
	/* The folder that all is unpacked into. */
	return unpack->entry.name[0] == '\0' ? 0 : make_entry(unpack, err);
}

static int on_data(void *context, const uint8_t *bytes, size_t len, struct err *err)
{
	struct tar_unpack *unpack = context;
	int r = fd_write_full(unpack->file, bytes, len);

	return r < 0 ? fail(r, "write", unpack->entry.name, err) : 0;
}

static int on_end(void *context, struct err *err)
{
	struct tar_unpack *unpack = context;
	int r = unpack->file < 0 ? 0 : finish_file(unpack);

	if (r < 0)
		(void)fail(r, "put in place", unpack->entry.name, err);
	close_file(unpack);
	return r;
}

static const struct tar_reader_calls calls = { .begin = on_begin, .data = on_data, .end = on_end };

int tar_unpack_create(const struct tar_unpack_config *config, struct tar_unpack **ret)
{
	struct tar_unpack *unpack;
	struct stat info;
	int r;

	if (fstat(config->root, &info) < 0)
		return -errno;
	unpack = calloc(1, sizeof(*unpack));
	if (unpack == NULL)
		return -ENOMEM;
	unpack->device = info.st_dev;
	unpack->config = *config;
	unpack->naming = config->top == NULL ? NAMES_AS_THEY_ARE : NAMES_UNKNOWN;
	unpack->file = unpack->parent = -1;
	r = tar_reader_create(&calls, unpack, &config->limits, &unpack->reader);
	if (r < 0) {
		free(unpack);
		return r;
	}
	*ret = unpack;
	return 0;
}

void tar_unpack_destroy(struct tar_unpack *unpack)
{
	if (unpack == NULL)
		return;
	close_file(unpack);
	while (unpack->depth > 0)
		free(unpack->stack[--unpack->depth].path);
	tar_entry_finish(&unpack->entry);
	inodes_finish(&unpack->made);
	tar_reader_destroy(unpack->reader);
	free(unpack->first);
	free(unpack);
}

int tar_unpack_feed(struct tar_unpack *unpack, const void *bytes, size_t len, struct err *err)
{
	return tar_reader_feed(unpack->reader, bytes, len, err);
}

int tar_unpack_finish(struct tar_unpack *unpack, struct err *err)
{
	int r = tar_reader_finish(unpack->reader, err);

	while (r == 0 && unpack->depth > 0)
		r = leave_folder(unpack, err);
	if (r == 0 && unpack->naming == NAMES_UNKNOWN)
		r = err_set(err, -ENOENT, "the archive is empty");
	return r;
}
