#include "fs/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	STAT_MASK = STATX_BASIC_STATS | STATX_BTIME,
	STAT_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_AS_STAT,
	ALWAYS = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
	ALWAYS_PATH = O_CLOEXEC | O_NOFOLLOW, /* O_PATH knows no others */
};

bool name_is_valid(const char *name)
{
	size_t len = strnlen(name, BENEATH_NAME_MAX + 1);

	return len > 0 && len <= BENEATH_NAME_MAX && memchr(name, '/', len) == NULL &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int beneath_open(int folder, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | ((flags & O_PATH) != 0 ? ALWAYS_PATH : ALWAYS)),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* -EAGAIN: a rename somewhere made the kernel unsure that this stayed beneath. */
	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, folder, name, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

int beneath_stat(int folder, const char *name, struct statx *ret)
{
	return statx(folder, name, STAT_FLAGS, STAT_MASK, ret) < 0 ? -errno : 0;
}

int beneath_stat_fd(int fd, struct statx *ret)
{
	return statx(fd, "", STAT_FLAGS | AT_EMPTY_PATH, STAT_MASK, ret) < 0 ? -errno : 0;
}

void beneath_fd_name(int fd, char ret[BENEATH_FD_NAME_SIZE])
{
	(void)snprintf(ret, BENEATH_FD_NAME_SIZE, "%u", (unsigned)fd);
}

int beneath_reopen(int proc_fd, int fd, int flags)
{
	char name[BENEATH_FD_NAME_SIZE];
	int opened;

	beneath_fd_name(fd, name);
	opened = openat(proc_fd, name, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return opened < 0 ? -errno : opened;
}
