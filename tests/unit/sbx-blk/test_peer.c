/*
 * QEMU's qemu-storage-daemon as the backend of our frontend.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "tests/unit/sbx-blk/blk_client.h"
#include "tests/unit/test.h"

enum { DISK_BYTES = 4 << 20, LISTENER = 3 };

#define PROGRAM "/usr/bin/qemu-storage-daemon"

static char folder[] = "peer.XXXXXX";
static struct blk_client client;

static void run_daemon(int listener)
{
	if (dup2(listener, LISTENER) < 0 || fd_set_cloexec(LISTENER, false) < 0 ||
	    chdir(folder) < 0)
		_exit(126);
	(void)execl(PROGRAM, PROGRAM, "--blockdev", "driver=file,node-name=file,filename=image",
		    "--blockdev", "driver=raw,node-name=disk,file=file", "--export",
		    "type=vhost-user-blk,id=export,node-name=disk,writable=on,addr.type=fd,"
		    "addr.str=3",
		    NULL);
	_exit(127);
}

/* Makes an image and a listening socket in a folder of its own; the daemon's pid, or -errno. */
static pid_t start_daemon(void)
{
	char path[64];
	int listener, fd, r;
	pid_t pid;

	if (mkdtemp(folder) == NULL)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/image", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, DISK_BYTES) < 0 || close(fd) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/socket", folder);
	r = fd_listen_unix(path, &listener);
	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		run_daemon(listener);
	r = fd_connect_unix(path, &fd);
	(void)close(listener);
	if (r == 0 && pid > 0)
		r = blk_client_start(&client, fd);
	return r < 0 ? r : pid;
}

TEST(our_frontend_drives_the_storage_daemon)
{
	pid_t pid;

	if (access(PROGRAM, X_OK) < 0)
		SKIP("qemu-storage-daemon is not installed");
	pid = start_daemon();
	if (pid < 0)
		printf("# %s\n", client.err.text);
	CHECK(pid > 0);
	CHECK_EQ(blk_client_capacity(&client), DISK_BYTES / 512);
	memset(blk_client_data(&client, 0), 0x3c, 8192);
	CHECK_EQ(blk_client_do(&client, VIRTIO_BLK_T_OUT, 100, 8192), VIRTIO_BLK_S_OK);
	CHECK_EQ(blk_client_do(&client, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	memset(blk_client_data(&client, 0), 0, 8192);
	CHECK_EQ(blk_client_do(&client, VIRTIO_BLK_T_IN, 100, 8192), VIRTIO_BLK_S_OK);
	CHECK_EQ(blk_client_data(&client, 0)[8191], 0x3c);
	CHECK_EQ(blk_client_do(&client, VIRTIO_BLK_T_IN, DISK_BYTES / 512, 512),
		 VIRTIO_BLK_S_IOERR);
	blk_client_finish(&client);
	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, NULL, 0);
	CHECK_EQ(file_remove_tree(AT_FDCWD, folder), 0);
}

TEST_MAIN()
