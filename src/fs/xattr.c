/*
 * Extended attributes: user.* of regular files and folders. security.*,
 * trusted.* and system.* (ACLs, which name users of the host) do not exist here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

typedef char xattr_name[XATTR_NAME_MAX + 1];

static bool is_passed(const char *name)
{
	return strncmp(name, XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN) == 0 &&
	       name[XATTR_USER_PREFIX_LEN] != '\0';
}

static bool can_have(const struct node *node)
{
	return S_ISREG(node->is.type) || S_ISDIR(node->is.type);
}

/* A descriptor of the node for the f*xattr() calls, and the name that they are for. A file that may
 * be written but not read can be given attributes. */
static int open_for(struct fs *fs, struct request *request, xattr_name name)
{
	struct statx now;
	int r = request_string(request, name, sizeof(xattr_name));

	if (r < 0)
		return r;
	if (!is_passed(name) || !can_have(request->node))
		return -EOPNOTSUPP;
	r = node_open(fs, request->node, O_RDONLY, &now);
	return r == -EACCES && S_ISREG(request->node->is.type)
		       ? node_open(fs, request->node, O_WRONLY, &now)
		       : r;
}

/* A size of 0 asks how much there would be. */
static int reply_bytes(struct fs *fs, struct request *request, size_t len)
{
	struct fuse_getxattr_out out = { .size = (uint32_t)len };

	if (request->arg.getxattr.size == 0)
		return request_put(request, &out, sizeof(out));
	if (len > request->arg.getxattr.size)
		return -ERANGE;
	return request_put(request, fs->scratch, len);
}

int serve_getxattr(struct fs *fs, struct request *request)
{
	xattr_name name;
	autoclose int fd = open_for(fs, request, name);
	ssize_t len;

	if (fd < 0)
		return fd;
	len = fgetxattr(fd, name, fs->scratch, FS_SCRATCH_SIZE);
	return len < 0 ? -errno : reply_bytes(fs, request, (size_t)len);
}

int serve_setxattr(struct fs *fs, struct request *request)
{
	const struct fuse_setxattr_in *in = &request->arg.setxattr;
	xattr_name name;
	autoclose int fd = open_for(fs, request, name);
	int r;

	if (fd < 0)
		return fd;
	if (in->size > FS_SCRATCH_SIZE)
		return -E2BIG;
	r = iov_read(&request->in, fs->scratch, in->size);
	if (r < 0)
		return -EINVAL;
	return fsetxattr(fd, name, fs->scratch, in->size, (int)in->flags) < 0 ? -errno : 0;
}

int serve_removexattr(struct fs *fs, struct request *request)
{
	xattr_name name;
	autoclose int fd = open_for(fs, request, name);

	if (fd < 0)
		return fd;
	return fremovexattr(fd, name) < 0 ? -errno : 0;
}

/* Moves the names that pass to the front; returns their bytes. */
static size_t keep_passed(char *names, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0, size; at < len; at += size) {
		size = strnlen(names + at, len - at - 1) + 1;
		if (!is_passed(names + at))
			continue;
		memmove(names + kept, names + at, size);
		kept += size;
	}
	return kept;
}

int serve_listxattr(struct fs *fs, struct request *request)
{
	struct statx now;
	autoclose int fd = -1;
	ssize_t len;

	if (!can_have(request->node))
		return reply_bytes(fs, request, 0);
	fd = node_open(fs, request->node, O_RDONLY, &now);
	if (fd < 0)
		return fd;
	len = flistxattr(fd, (char *)fs->scratch, FS_SCRATCH_SIZE);
	if (len < 0)
		return -errno;
	return reply_bytes(fs, request, keep_passed((char *)fs->scratch, (size_t)len));
}
