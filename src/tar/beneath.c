#include "tar/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "tar/entry.h"

int beneath_open(int root, const char *path, int flags, int *ret)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					   RESOLVE_NO_MAGICLINKS };
	long fd;

	/* EAGAIN: something was renamed meanwhile and the kernel could not be sure. */
	do
		fd = syscall(SYS_openat2, root, path[0] == '\0' ? "." : path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0)
		return -errno;
	*ret = (int)fd;
	return 0;
}

int beneath_open_parent(int root, const char *path, int *ret, const char **ret_base)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	char folder[TAR_NAME_MAX + 1];
	int r;

	if (len > TAR_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(folder, path, len);
	folder[len] = '\0';
	r = beneath_open(root, folder, O_PATH | O_DIRECTORY, ret);
	if (r == 0)
		*ret_base = slash == NULL ? path : slash + 1;
	return r;
}
