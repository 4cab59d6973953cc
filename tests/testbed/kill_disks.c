/*
 * testbed-kills VMM BLK KERNEL INITRAMFS CPUS KILLS: a guest (scrub.c) works on
 * a disk whose process is killed, and replaced, each time the guest says how far
 * it is. Its console goes to stdout. Exits 0 when the guest found every byte and
 * ended by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "tests/testbed/guest.h"

enum { DISK_BYTES = 64 << 20, MEMORY_BYTES = 512 << 20, REPLACE_MS = 60000 };

struct disk {
	const char *program;
	int image;
	struct spawned child;
};

static int make_image(void)
{
	char path[] = "/tmp/disk-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0 || unlink(path) < 0 || ftruncate(fd, DISK_BYTES) < 0)
		return -errno;
	return fd;
}

/* A process that serves the image; *ret_socket is the frontend's end. */
static int serve(struct disk *disk, int *ret_socket, struct err *err)
{
	char *const argv[] = { (char *)"sbx-blk", (char *)"rw", NULL };
	int pair[2], r = fd_socketpair(pair);

	if (r < 0)
		return err_set_errno(err, r, "no socket for the disk");
	r = jail_spawn(&(struct spawn_config){ .program = disk->program,
					       .argv = argv,
					       .fds = (int[]){ pair[1], disk->image },
					       .fds_count = 2,
					       .stdout_fd = STDERR_FILENO },
		       &disk->child, err);
	if (r == 0)
		r = jail_spawn_release(&disk->child, err);
	(void)close(pair[1]);
	*ret_socket = pair[0];
	return r;
}

static int kill_disk(struct disk *disk, struct err *err)
{
	siginfo_t info;

	if (syscall(SYS_pidfd_send_signal, disk->child.pidfd, SIGKILL, NULL, 0) < 0 ||
	    waitid(P_PIDFD, (id_t)disk->child.pidfd, &info, WEXITED) < 0)
		return err_set_errno(err, -errno, "the disk's process does not end");
	spawned_finish(&disk->child);
	return 0;
}

static int replace(struct guest *guest, struct disk *disk, struct err *err)
{
	autoclose int socket = -1;
	int r = kill_disk(disk, err);

	if (r == 0)
		r = serve(disk, &socket, err);
	if (r == 0)
		r = engine_kvm.replace_disks(&guest->vm, &socket, 1, clock_now_ms() + REPLACE_MS,
					     err);
	return r;
}

/* One round more than kills: the last one, too, meets a guest at work. */
static int start(struct guest *guest, struct disk *disk, char **argv, unsigned kills,
		 struct err *err)
{
	char cmdline[100];
	autoclose int socket = -1;
	struct engine_config config = {
		.vmm = argv[1],
		.kernel = argv[3],
		.initramfs = argv[4],
		.memory_bytes = MEMORY_BYTES,
		.cpus = (unsigned)strtoul(argv[5], NULL, 10),
		.cmdline = cmdline,
		.fs_fd = -1,
		.vsock_fd = -1,
		.disks_count = 1,
	};
	int r;

	(void)snprintf(cmdline, sizeof(cmdline), "console=ttyS0 quiet panic=-1 rounds=%u",
		       kills + 1);
	disk->program = argv[2];
	disk->image = make_image();
	r = disk->image < 0 ? err_set_errno(err, disk->image, "no image")
			    : serve(disk, &socket, err);
	config.disk_fds[0] = socket;
	return r < 0 ? r : guest_start(guest, &config, err);
}

static int work(struct guest *guest, struct disk *disk, unsigned kills, struct err *err)
{
	for (unsigned i = 0; i < kills; i++) {
		int r = guest_follow(guest, "scrub: ");

		if (r == 0)
			r = replace(guest, disk, err);
		if (r < 0)
			return err->code == 0 ? err_set(err, r, "the guest said no more") : r;
	}
	if (guest_follow(guest, "scrub: all is well") < 0)
		return err_set(err, -EPIPE, "the guest did not end well");
	return guest_follow(guest, NULL) == -EPIPE ? 0 : err_set(err, -EIO, "it did not end");
}

int main(int argc, char **argv)
{
	static struct guest guest;
	struct disk disk = { .image = -1 };
	struct err err = ERR_INIT;
	unsigned kills;
	int r;

	if (argc != 7) {
		(void)fprintf(stderr, "usage: testbed-kills VMM BLK KERNEL INITRAMFS CPUS KILLS\n");
		return 2;
	}
	kills = (unsigned)strtoul(argv[6], NULL, 10);
	r = start(&guest, &disk, argv, kills, &err);
	if (r == 0) {
		r = work(&guest, &disk, kills, &err);
		guest_finish(&guest);
	}
	if (r < 0)
		(void)fprintf(stderr, "kills: %s\n", err.text);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
