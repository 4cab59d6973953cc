#include "tests/attack/devices/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "jail/confine.h"

enum { DISK_BYTES = 1 << 20 };

static void path_of(const char *folder, const char *name, char ret[96])
{
	(void)snprintf(ret, 96, "%s/%s", folder, name);
}

static int put(const char *folder, const char *name, const void *bytes, size_t len)
{
	char path[96];
	autoclose int fd = -1;

	path_of(folder, name, path);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return fd_write_full(fd, bytes, len) < 0 ? -EIO : take_fd(&fd);
}

/* What is there for any kind: the thing that nobody may touch. */
static int put_secret(const char *folder)
{
	int fd = put(folder, "secret", "secret", 6);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? fd : 0;
}

/* ---- disk: one image, "disk " in its first sector */

static int prepare_blk(const char *folder, char *words[BACKEND_WORDS], int fds[BACKEND_FDS])
{
	int r = put_secret(folder);

	words[0] = (char *)"sbx-blk";
	words[1] = (char *)"rw";
	fds[0] = put(folder, "image", "disk ", 5);
	if (r < 0 || fds[0] < 0 || ftruncate(fds[0], DISK_BYTES) < 0)
		return -EIO;
	return 1;
}

const struct backend backend_blk = { "sbx-blk", false, prepare_blk };

/* ---- folder: share/{file,ro/}, read and written; the same read-only */

static int open_share(const char *folder, bool read_only)
{
	autoclose int plain = -1;
	char path[96];
	int fd = -1, r;

	path_of(folder, "share", path);
	plain = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (plain < 0)
		return -errno;
	r = jail_confine(plain, read_only, &fd);
	return r < 0 ? r : fd;
}

static int listen_in(const char *folder, const char *name)
{
	char path[96];
	int fd, r;

	path_of(folder, name, path);
	r = fd_listen_unix(path, &fd);
	return r < 0 ? r : fd;
}

static int prepare_fs(const char *folder, char *words[BACKEND_WORDS], int fds[BACKEND_FDS])
{
	char path[96];
	int file, r = put_secret(folder);

	path_of(folder, "share", path);
	if (r < 0 || mkdir(path, 0700) < 0)
		return -EIO;
	file = put(folder, "share/file", "text", 4);
	if (file < 0)
		return file;
	(void)close(file);
	words[0] = (char *)"sbx-fs";
	words[1] = (char *)"rw:rw";
	words[2] = (char *)"ro:ro";
	fds[0] = listen_in(folder, "fs.socket");
	fds[1] = open_share(folder, false);
	fds[2] = open_share(folder, true);
	return fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0 ? 3 : -EIO;
}

const struct backend backend_fs = { "sbx-fs", false, prepare_fs };

/* ---- channel */

static int prepare_vsock(const char *folder, char *words[BACKEND_WORDS], int fds[BACKEND_FDS])
{
	int r = put_secret(folder);

	words[0] = (char *)"sbx-vsock";
	words[1] = (char *)"3";
	fds[0] = listen_in(folder, "vsock.socket");
	return r < 0 || fds[0] < 0 ? -EIO : 1;
}

const struct backend backend_vsock = { "sbx-vsock", false, prepare_vsock };

/* ---- network */

static int prepare_net(const char *folder, char *words[BACKEND_WORDS], int fds[BACKEND_FDS])
{
	int proxy[2], r = put_secret(folder);

	words[0] = (char *)"sbx-net";
	fds[0] = listen_in(folder, "net.socket");
	if (r < 0 || fds[0] < 0 || fd_socketpair(proxy) < 0)
		return -EIO;
	fds[1] = proxy[1];
	/* The other end stays open for as long as this test runs: the program ends with it. */
	return 2;
}

const struct backend backend_net = { "sbx-net", true, prepare_net };
