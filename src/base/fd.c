#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

ssize_t fd_read_full(int fd, void *to, size_t len)
{
	char *out = to;
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, out + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int fd_write_full(int fd, const void *from, size_t len)
{
	const char *in = from;

	while (len > 0) {
		ssize_t n = write(fd, in, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		in += n;
		len -= (size_t)n;
	}
	return 0;
}

static int change_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return -errno;
	flags = on ? flags | flag : flags & ~flag;
	return fcntl(fd, set, flags) < 0 ? -errno : 0;
}

int fd_from_bytes(const void *bytes, size_t len)
{
	autoclose int fd = memfd_create("bytes", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_full(fd, bytes, len);

	if (r < 0)
		return r;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : take_fd(&fd);
}

void fd_hold_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int fd_set_nonblock(int fd, bool on)
{
	return change_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int fd_set_cloexec(int fd, bool on)
{
	return change_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

int fd_socketpair(int ret[2])
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ret[0] = pair[0];
	ret[1] = pair[1];
	return 0;
}

/* Room for FD_PASS_MAX descriptors, aligned as the kernel wants it. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
};

ssize_t fd_send(int socket, const void *bytes, size_t len, const int *fds, size_t count)
{
	struct iovec vec = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &vec, .msg_iovlen = 1 };
	union control control = { .bytes = { 0 } };
	ssize_t n;

	if (count > FD_PASS_MAX)
		return -EINVAL;
	if (count > 0) {
		struct cmsghdr *header = &control.header;

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = (socklen_t)CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
		msg.msg_control = control.bytes;
		msg.msg_controllen = (socklen_t)CMSG_SPACE(sizeof(int) * count);
	}
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Collects the descriptors of a message; returns how many, closing those beyond max. */
static size_t collect_fds(struct msghdr *msg, int *ret_fds, size_t max)
{
	size_t total = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++, total++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (total < max)
				ret_fds[total] = fd;
			else
				(void)close(fd);
		}
	}
	return total;
}

ssize_t fd_recv(int socket, void *to, size_t len, int *ret_fds, size_t *count)
{
	struct iovec vec = { .iov_base = to, .iov_len = len };
	union control control;
	struct msghdr msg = { .msg_iov = &vec,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	int fds[FD_PASS_MAX];
	size_t total;
	ssize_t n;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	total = collect_fds(&msg, fds, FD_PASS_MAX);
	if (total > *count || (msg.msg_flags & MSG_CTRUNC) != 0) {
		for (size_t i = 0; i < total && i < FD_PASS_MAX; i++)
			(void)close(fds[i]);
		return -EMFILE;
	}
	for (size_t i = 0; i < total; i++) /* ret_fds may be NULL for none */
		ret_fds[i] = fds[i];
	*count = total;
	return n;
}

/*
 * sun_path holds 108 bytes. Longer paths go through the folder's descriptor:
 * /proc/self/fd/N/name names the same file. *ret_dir must stay open until the
 * address was used.
 */
static int unix_address(const char *path, struct sockaddr_un *ret, int *ret_dir)
{
	const char *slash = strrchr(path, '/');
	autofree char *folder = NULL;
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_dir = -1;
	if (strlen(path) < sizeof(ret->sun_path)) {
		memcpy(ret->sun_path, path, strlen(path));
		return 0;
	}
	if (slash == NULL)
		return -ENAMETOOLONG;
	folder = strndup(path, (size_t)(slash - path) + 1);
	if (folder == NULL)
		return -ENOMEM;
	*ret_dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return -errno;
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", *ret_dir,
		     slash + 1);
	return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

static int unix_socket(int *ret)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

int fd_listen_unix(const char *path, int *ret)
{
	struct sockaddr_un address;
	autoclose int dir = -1, fd = -1;
	int r;

	r = unix_address(path, &address, &dir);
	if (r == 0)
		r = unix_socket(&fd);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	/* Nobody may connect between bind and chmod: the socket does not listen yet. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (chmod(path, 0600) < 0 || listen(fd, SOMAXCONN) < 0) {
		r = -errno;
		(void)unlink(path);
		return r;
	}
	*ret = take_fd(&fd);
	return 0;
}

int fd_connect_unix(const char *path, int *ret)
{
	struct sockaddr_un address;
	autoclose int dir = -1, fd = -1;
	int r;

	r = unix_address(path, &address, &dir);
	if (r == 0)
		r = unix_socket(&fd);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = take_fd(&fd);
	return 0;
}
