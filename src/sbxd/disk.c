#include "sbxd/disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/host.h"

/* A new file system writes a few MiB; with less than this the sandbox would break at once. */
static const uint64_t free_needed = 64ull << 20;

int disk_check_size(const char *what, uint64_t bytes, struct err *err)
{
	if (bytes >= DISK_MIN_BYTES && bytes <= DISK_MAX_BYTES)
		return 0;
	return err_set(err, -EINVAL, "%s has 512 MiB to 16 TiB, like 20g", what);
}

/* Starts mke2fs on the file; its words go nowhere, its status tells. */
static int start_mke2fs(const char *path, pid_t *ret)
{
	static const char program[] = "/sbin/mke2fs";
	/* Tables and journal are zeroed by the guest in the background: the file is sparse. */
	char *argv[] = { "mke2fs",
			 "-q",
			 "-F",
			 "-t",
			 "ext4",
			 "-m",
			 "0",
			 "-E",
			 "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
			 (char *)(uintptr_t)path,
			 NULL };
	char *envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "MKE2FS_SYNC=0", NULL };
	posix_spawn_file_actions_t actions;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, 0, 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, 0, 2);
	if (r == 0)
		r = posix_spawn(ret, program, &actions, NULL, argv, envp);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int wait_mke2fs(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int make_sparse(const char *path, uint64_t bytes)
{
	autoclose int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return -errno;
	return 0;
}

/* A sparse file and mke2fs at work on it; nothing is left when that fails. */
static int begin(const struct disk_wanted *disk, pid_t *ret, struct err *err)
{
	autofree char *folder = strdup(disk->path);
	uint64_t room;
	int r;

	if (folder == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	*strrchr(folder, '/') = '\0';
	r = host_free_space(folder, &room);
	if (r == 0 && room < free_needed)
		return err_set(err, -ENOSPC,
			       "only %" PRIu64
			       " MiB of space are free at '%s'; a disk needs at least 64",
			       room >> 20, folder);
	if (r == 0)
		r = make_sparse(disk->path, disk->bytes);
	if (r < 0)
		return err_set_errno(err, r, "cannot make the disk '%s'", disk->path);
	r = start_mke2fs(disk->path, ret);
	if (r < 0) {
		(void)unlink(disk->path);
		return err_set_errno(err, r, "cannot run mke2fs for the disk '%s'", disk->path);
	}
	return 0;
}

int disk_make(const struct disk_wanted *disks, size_t count, struct err *err)
{
	pid_t children[DISK_TOGETHER_MAX];
	size_t begun = 0;
	int r = 0;

	assert(count <= DISK_TOGETHER_MAX);
	while (r == 0 && begun < count) {
		r = begin(&disks[begun], &children[begun], err);
		begun += r == 0;
	}
	for (size_t i = 0; i < begun; i++) {
		int ended = wait_mke2fs(children[i]);

		if (ended < 0 && r == 0)
			r = err_set_errno(err, ended, "mke2fs cannot make a file system on '%s'",
					  disks[i].path);
	}
	for (size_t i = 0; r < 0 && i < begun; i++)
		(void)unlink(disks[i].path);
	return r;
}

int disk_grow(const char *path, uint64_t bytes, struct err *err)
{
	autoclose int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, -errno, "cannot open the disk '%s'", path);
	if (bytes < (uint64_t)st.st_size)
		return err_set(err, -EINVAL, "a disk of %" PRIu64 " MiB cannot shrink to %" PRIu64,
			       (uint64_t)st.st_size >> 20, bytes >> 20);
	if (ftruncate(fd, (off_t)bytes) < 0)
		return err_set_errno(err, -errno, "cannot grow the disk '%s'", path);
	return 0;
}

int disk_measure(const char *path, uint64_t *ret_size, uint64_t *ret_allocated)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	*ret_allocated = (uint64_t)st.st_blocks * 512;
	return 0;
}
