#include "sbxd/disk.h"

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

/* Runs mke2fs on the file; its words go nowhere, its status tells. */
static int run_mke2fs(const char *path)
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
	int status = 0;
	pid_t pid;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, 0, 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, 0, 2);
	if (r == 0)
		r = posix_spawn(&pid, program, &actions, NULL, argv, envp);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return -r;
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

int disk_make(const char *path, uint64_t bytes, struct err *err)
{
	autofree char *folder = strdup(path);
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
		r = make_sparse(path, bytes);
	if (r < 0)
		return err_set_errno(err, r, "cannot make the disk '%s'", path);
	r = run_mke2fs(path);
	if (r < 0) {
		(void)unlink(path);
		return err_set_errno(err, r, "mke2fs cannot make a file system on '%s'", path);
	}
	return 0;
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
