/*
 * Pid 1 of a guest with two disks served by sbx-blk: /dev/vdX with serial "vda",
 * read-only, whose every 8 bytes hold their number; "vdb", an ext4. Prints TAP; the line
 * "# grow" asks the host to make vdb larger.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, FILE_CHUNKS = 24, GROW_SECONDS = 60 };

static int checks;
static uint64_t chunk[CHUNK / 8];

static void check(bool good, const char *name)
{
	checks++;
	printf("%s %d - %s\n", good ? "ok" : "not ok", checks, name);
	if (!good)
		printf("# %s\n", strerror(errno));
	(void)fflush(stdout);
}

/* Writes the device of the disk with that serial to path. */
static bool find_disk(const char *serial, char path[32])
{
	for (char letter = 'a'; letter <= 'd'; letter++) {
		char name[64], seen[32] = "";
		int fd;

		(void)snprintf(name, sizeof(name), "/sys/block/vd%c/serial", letter);
		fd = open(name, O_RDONLY);
		if (fd < 0 || read(fd, seen, sizeof(seen) - 1) <= 0)
			continue;
		(void)close(fd);
		(void)snprintf(path, 32, "/dev/vd%c", letter);
		if (strncmp(seen, serial, strlen(serial)) == 0)
			return true;
	}
	return false;
}

/* Whether every 8 bytes of the file or disk hold their number. */
static bool holds_its_numbers(const char *path)
{
	int fd = open(path, O_RDONLY);
	bool good = true;
	uint64_t next = 0;
	ssize_t n;

	while ((n = read(fd, chunk, CHUNK)) > 0) {
		for (size_t i = 0; i < (size_t)n / 8; i++)
			good = good && chunk[i] == next++;
	}
	(void)close(fd);
	return good && n == 0 && next > 0;
}

static void read_only_disk(void)
{
	char path[32];
	int fd = find_disk("vda", path) ? open(path, O_RDONLY) : -1, read_only = 0;

	check(fd >= 0, "the first disk is there");
	check(ioctl(fd, BLKROGET, &read_only) == 0 && read_only == 1, "it is read-only");
	(void)close(fd);
	check(holds_its_numbers(path), "it holds the bytes of its image");
}

static bool write_numbers(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0644);
	uint64_t next = 0;

	for (int i = 0; i < FILE_CHUNKS; i++) {
		for (size_t k = 0; k < CHUNK / 8; k++)
			chunk[k] = next++;
		if (write(fd, chunk, CHUNK) != CHUNK)
			return false;
	}
	return fsync(fd) == 0 && close(fd) == 0;
}

static bool forget_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	return fd >= 0 && write(fd, "3", 1) == 1 && close(fd) == 0;
}

static void file_system(const char *device)
{
	struct fstrim_range all = { .len = UINT64_MAX };
	int folder;

	check(mount(device, "/mnt", "ext4", 0, "") == 0, "the second disk mounts");
	check(write_numbers("/mnt/kept") && write_numbers("/mnt/removed"), "files are written");
	check(forget_caches() && holds_its_numbers("/mnt/kept"), "they come back from the disk");
	check(unlink("/mnt/removed") == 0, "a file is removed");
	sync();
	folder = open("/mnt", O_RDONLY | O_DIRECTORY);
	check(ioctl(folder, FITRIM, &all) == 0 && all.len > 0, "its space is discarded");
	(void)close(folder);
}

static void growth(const char *device)
{
	time_t end = time(NULL) + GROW_SECONDS;
	int fd = open(device, O_RDONLY);
	uint64_t before = 0, now = 0;

	(void)ioctl(fd, BLKGETSIZE64, &before);
	printf("# grow\n");
	(void)fflush(stdout);
	do {
		(void)nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
		(void)ioctl(fd, BLKGETSIZE64, &now);
	} while (now == before && time(NULL) < end);
	check(now == 2 * before, "a grown image is a grown disk at once");
	(void)close(fd);
}

int main(void)
{
	char device[32] = "";

	(void)mkdir("/dev", 0755);
	(void)mkdir("/sys", 0755);
	(void)mkdir("/proc", 0755);
	(void)mkdir("/mnt", 0755);
	(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
	(void)mount("sys", "/sys", "sysfs", 0, NULL);
	(void)mount("proc", "/proc", "proc", 0, NULL);
	read_only_disk();
	check(find_disk("vdb", device), "the second disk is there");
	file_system(device);
	growth(device);
	check(umount("/mnt") == 0, "the second disk is released");
	(void)fflush(stdout);
	(void)reboot(RB_POWER_OFF);
	return EXIT_FAILURE;
}
