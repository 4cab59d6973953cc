#include "tar/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"

/* Where the walk stands: the entry's name in the archive. */
struct pack {
	struct tar_writer *writer; /* weak */
	struct err *err;	   /* weak */
	char name[TAR_NAME_MAX + 1];
	size_t len;
	unsigned depth;
};

static int pack_at(struct pack *pack, int dir, const char *name, bool follow);

static int fail(const struct pack *pack, int r, const char *what)
{
	return err_set_errno(pack->err, r, "cannot %s '%s'", what, tar_show(pack->name).text);
}

static struct tar_entry entry_of(struct pack *pack, enum tar_type type, const struct stat *info)
{
	return (struct tar_entry){ .type = type,
				   .name = pack->name,
				   .mode = info->st_mode & TAR_MODE_MASK,
				   .uid = info->st_uid,
				   .gid = info->st_gid,
				   .mtime_s = info->st_mtim.tv_sec,
				   .mtime_ns = (uint32_t)info->st_mtim.tv_nsec };
}

/* Exactly size bytes, whatever happens to the file meanwhile. */
static int pack_bytes(struct pack *pack, int fd, uint64_t size)
{
	uint8_t chunk[TAR_CHUNK];
	bool ended = false;

	while (size > 0) {
		size_t want = (size_t)min_of(size, (uint64_t)sizeof(chunk));
		ssize_t n = ended ? 0 : read(fd, chunk, want);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(pack, -errno, "read");
		if (n == 0) {
			ended = true;
			memset(chunk, 0, want);
			n = (ssize_t)want;
		}
		r = tar_writer_data(pack->writer, chunk, (size_t)n, pack->err);
		if (r < 0)
			return r;
		size -= (uint64_t)n;
	}
	return 0;
}

static int pack_file(struct pack *pack, int fd, const struct stat *info)
{
	struct tar_entry entry = entry_of(pack, TAR_FILE, info);
	int r;

	entry.size_bytes = (uint64_t)info->st_size;
	r = tar_writer_entry(pack->writer, &entry, pack->err);
	return r < 0 ? r : pack_bytes(pack, fd, entry.size_bytes);
}

static int pack_symlink(struct pack *pack, int dir, const char *name, const struct stat *info)
{
	struct tar_entry entry = entry_of(pack, TAR_SYMLINK, info);
	char target[TAR_NAME_MAX + 2];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return fail(pack, -errno, "read the link");
	if (n > TAR_NAME_MAX)
		return fail(pack, -ENAMETOOLONG, "pack the link");
	target[n] = '\0';
	entry.link = target;
	return tar_writer_entry(pack->writer, &entry, pack->err);
}

/* Appends "/part" for the time of one call. */
static int pack_below(struct pack *pack, int dir, const char *part)
{
	size_t len = pack->len;
	int n = snprintf(pack->name + len, sizeof(pack->name) - len, "%s%s", len > 0 ? "/" : "",
			 part);
	int r;

	if (n < 0 || (size_t)n >= sizeof(pack->name) - len)
		return fail(pack, -ENAMETOOLONG, "pack");
	pack->len = len + (size_t)n;
	r = pack_at(pack, dir, part, false);
	pack->len = len;
	pack->name[len] = '\0';
	return r;
}

/* Takes fd over. */
static int pack_folder(struct pack *pack, int fd, const struct stat *info)
{
	struct tar_entry entry = entry_of(pack, TAR_FOLDER, info);
	struct dirent *child;
	DIR *folder = NULL;
	int r = 0;

	if (pack->depth == TAR_DEPTH_MAX)
		r = fail(pack, -ELOOP, "go deeper than");
	else if (pack->len > 0)
		r = tar_writer_entry(pack->writer, &entry, pack->err);
	if (r == 0)
		folder = fdopendir(fd);
	if (folder == NULL) {
		r = r < 0 ? r : fail(pack, -errno, "read the folder");
		(void)close(fd);
		return r;
	}
	pack->depth++;
	while (r == 0 && (child = readdir(folder)) != NULL) {
		if (strcmp(child->d_name, ".") != 0 && strcmp(child->d_name, "..") != 0)
			r = pack_below(pack, dirfd(folder), child->d_name);
	}
	pack->depth--;
	(void)closedir(folder);
	return r;
}

/*
 * O_NONBLOCK, because what was a file may have become a FIFO. What has gone
 * since the folder was read is left out.
 */
static int pack_at(struct pack *pack, int dir, const char *name, bool follow)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
	autoclose int fd = -1;
	struct stat info;

	if (fstatat(dir, name, &info, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && pack->depth > 0 ? 0 : fail(pack, -errno, "find");
	if (S_ISLNK(info.st_mode))
		return pack_symlink(pack, dir, name, &info);
	if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
		return pack->depth > 0 ? 0 : fail(pack, -EINVAL, "pack the special file");
	fd = openat(dir, name, flags);
	if (fd < 0)
		return errno == ENOENT && pack->depth > 0 ? 0 : fail(pack, -errno, "open");
	/* Only what was opened counts. */
	if (fstat(fd, &info) < 0)
		return fail(pack, -errno, "open");
	if (S_ISDIR(info.st_mode))
		return pack_folder(pack, take_fd(&fd), &info);
	return S_ISREG(info.st_mode) ? pack_file(pack, fd, &info) : 0;
}

int tar_pack(const struct tar_pack_config *config, struct tar_writer *writer, struct err *err)
{
	struct pack pack = { .writer = writer, .err = err, .len = strlen(config->top) };

	if (pack.len > TAR_NAME_MAX)
		return err_set_errno(err, -ENAMETOOLONG, "cannot pack '%.64s'", config->name);
	memcpy(pack.name, config->top, pack.len);
	return pack_at(&pack, config->dir, config->name, config->follow_top);
}
