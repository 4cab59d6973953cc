#include "sbx-init/disks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/fs.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"

/* ext4's own, in no header of the kernel's interface: the new number of blocks. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

enum { SECTOR_SIZE = 512 };

int disks_trim(const int *fds, size_t count, uint64_t *ret_bytes, struct err *err)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++) {
		struct fstrim_range range = { .len = UINT64_MAX };

		if (fds[i] < 0)
			continue;
		if (ioctl(fds[i], FITRIM, &range) < 0)
			return err_set_errno(err, -errno, "cannot trim disk %zu", i);
		total += range.len;
	}
	*ret_bytes = total;
	return 0;
}

/* The size of the device that the file system of fd lies on. */
static int device_size(int fd, uint64_t *ret_bytes)
{
	autocall(buf_finish) struct buf buf = { 0 };
	struct stat info;
	uint64_t sectors;
	char path[64];
	char *text;
	int r;

	if (fstat(fd, &info) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/size", major(info.st_dev),
		       minor(info.st_dev));
	buf_init(&buf, 64);
	r = file_read(AT_FDCWD, path, &buf);
	if (r < 0)
		return r;
	if (buf.len > 0 && buf.data[buf.len - 1] == '\n')
		buf.len--;
	text = (char *)(uintptr_t)buf_str(&buf);
	if (text == NULL)
		return -ENOMEM;
	r = parse_u64(text, UINT64_MAX / SECTOR_SIZE, &sectors);
	return r < 0 ? r : u64_mul(sectors, SECTOR_SIZE, ret_bytes);
}

static int grow_one(int fd)
{
	struct statfs info;
	uint64_t bytes = 0, blocks;
	int r = device_size(fd, &bytes);

	if (r < 0)
		return r;
	if (fstatfs(fd, &info) < 0)
		return -errno;
	blocks = bytes / (uint64_t)info.f_bsize;
	return ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0 ? -errno : 0;
}

int disks_grow(const int *fds, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = fds[i] < 0 ? 0 : grow_one(fds[i]);

		if (r < 0)
			return err_set_errno(err, r, "cannot grow the file system of disk %zu", i);
	}
	return 0;
}

void disks_freeze(const int *fds, size_t count)
{
	sync();
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			(void)ioctl(fds[i], FIFREEZE, 0);
	}
}
