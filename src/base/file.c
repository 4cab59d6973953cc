#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

enum { FILE_CHUNK = 65536, FILE_DEPTH_MAX = 256 };

int file_read(int dir, const char *path, struct buf *buf)
{
	autoclose int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	for (;;) {
		size_t room = buf->max - buf->len < FILE_CHUNK ? buf->max - buf->len : FILE_CHUNK;
		char probe;
		ssize_t n;
		void *to;

		if (room == 0) {
			n = fd_read_full(fd, &probe, 1);
			return n == 0 ? 0 : n < 0 ? (int)n : -EFBIG;
		}
		to = buf_reserve(buf, room);
		if (to == NULL)
			return -ENOMEM;
		n = fd_read_full(fd, to, room);
		if (n <= 0)
			return (int)n;
		buf->len += (size_t)n;
	}
}

/* Opens the folder that holds path, so that it can be synced. */
static int open_folder_of(int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	autofree char *folder =
		slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	int fd;

	if (folder == NULL)
		return -ENOMEM;
	fd = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_and_sync(int dir, const char *path, const void *bytes, size_t len, mode_t mode)
{
	autoclose int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, bytes, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

int file_write(int dir, const char *path, const void *bytes, size_t len, mode_t mode)
{
	char temporary[4096];
	autoclose int folder = -1;
	int r;
	int n = snprintf(temporary, sizeof(temporary), "%s.new", path);

	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -ENAMETOOLONG;
	r = write_and_sync(dir, temporary, bytes, len, mode);
	if (r == 0 && renameat(dir, temporary, dir, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, temporary, 0);
		return r;
	}
	folder = open_folder_of(dir, path);
	if (folder < 0)
		return folder;
	return fsync(folder) < 0 ? -errno : 0;
}

int file_make_folders(const char *path, mode_t mode)
{
	autofree char *copy = strdup(path);

	if (copy == NULL)
		return -ENOMEM;
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(copy, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Empties an open folder. Depth is bounded, because the content may be a guest's. */
static int empty_folder(int fd, unsigned depth)
{
	DIR *folder;
	struct dirent *entry;
	int r = 0;

	if (depth == 0) {
		(void)close(fd);
		return -ELOOP;
	}
	folder = fdopendir(fd);
	if (folder == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(folder)) != NULL) {
		int child;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(folder), entry->d_name, 0) == 0)
			continue;
		child = openat(dirfd(folder), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0) {
			r = errno == ENOENT ? 0 : -errno;
			continue;
		}
		r = empty_folder(child, depth - 1);
		if (r == 0 && unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR) < 0)
			r = -errno;
	}
	(void)closedir(folder);
	return r;
}

int file_remove_tree(int dir, const char *path)
{
	int fd, r;

	if (unlinkat(dir, path, 0) == 0 || errno == ENOENT)
		return 0;
	fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = empty_folder(fd, FILE_DEPTH_MAX);
	if (r == 0 && unlinkat(dir, path, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}
