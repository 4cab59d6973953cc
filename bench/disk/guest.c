/*
 * Pid 1 of a guest that measures its disks: each row on each disk (/dev/vda,
 * /dev/vdb, …) in turn, ROUNDS times over, so that what else the host does
 * falls on all alike. Guest caches are bypassed. One line a figure on the console:
 * "result ROW SERIAL FIGURE", then power off.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
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
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS = 7,
	DISKS_MAX = 4,
	DEPTH_MAX = 32,
	SMALL = 4 << 10,
	LARGE = 1 << 20,
	SPAN_MS = 500, /* of one measurement */
};

struct row {
	const char *name;
	bool write, flush, random;
	uint32_t size; /* of a request */
	unsigned depth;
	bool in_bytes; /* figure: MiB a second, else requests a second */
};

static const struct row rows[] = {
	{ "read-4k", false, false, true, SMALL, 1, false },
	{ "read-4k-32", false, false, true, SMALL, DEPTH_MAX, false },
	{ "write-4k", true, false, true, SMALL, 1, false },
	{ "write-4k-32", true, false, true, SMALL, DEPTH_MAX, false },
	{ "read-1m", false, false, false, LARGE, 4, true },
	{ "write-1m", true, false, false, LARGE, 4, true },
	{ "fsync", true, true, true, SMALL, 1, false },
};

struct disk {
	int fd;
	char serial[32];
	uint64_t size;
	uint64_t next;	/* where a sequential row goes on */
	uint64_t state; /* of the generator of random places */
};

static aio_context_t context;
static uint8_t *buffer[DEPTH_MAX];
static struct iocb control[DEPTH_MAX];

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t place(struct disk *disk, const struct row *row)
{
	uint64_t count = disk->size / row->size;

	if (!row->random)
		return disk->next++ % count * row->size;
	disk->state = disk->state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (disk->state >> 33) % count * row->size;
}

static void submit(struct disk *disk, const struct row *row, unsigned slot)
{
	struct iocb *request = &control[slot];

	*request = (struct iocb){
		.aio_data = slot,
		.aio_lio_opcode = row->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)disk->fd,
		.aio_buf = (uintptr_t)buffer[slot],
		.aio_nbytes = row->size,
		.aio_offset = (int64_t)place(disk, row),
	};
	if (syscall(SYS_io_submit, context, 1L, &request) != 1)
		perror("io_submit");
}

/* Keeps depth requests under way for SPAN_MS; returns how many were done. */
static uint64_t run_deep(struct disk *disk, const struct row *row, uint64_t end_us)
{
	struct io_event events[DEPTH_MAX];
	uint64_t done = 0;
	unsigned busy = 0;

	for (; busy < row->depth; busy++)
		submit(disk, row, busy);
	while (busy > 0) {
		long n = syscall(SYS_io_getevents, context, 1L, (long)DEPTH_MAX, events, NULL);
		bool more = now_us() < end_us;

		for (long i = 0; i < n; i++) {
			if (events[i].res != (int64_t)row->size)
				(void)fprintf(stderr, "a request failed: %lld\n",
					      (long long)events[i].res);
			if (more)
				submit(disk, row, (unsigned)events[i].data);
			else
				busy--;
		}
		done += n > 0 ? (uint64_t)n : 0;
	}
	return done;
}

static uint64_t run_single(struct disk *disk, const struct row *row, uint64_t end_us)
{
	uint64_t done = 0;

	for (; now_us() < end_us; done++) {
		off_t at = (off_t)place(disk, row);
		ssize_t n = row->write ? pwrite(disk->fd, buffer[0], row->size, at)
				       : pread(disk->fd, buffer[0], row->size, at);

		if (n != (ssize_t)row->size || (row->flush && fdatasync(disk->fd) < 0))
			perror("a request failed");
	}
	return done;
}

static double measure(struct disk *disk, const struct row *row)
{
	uint64_t begin = now_us(), end = begin + SPAN_MS * 1000;
	uint64_t done = row->depth == 1 ? run_single(disk, row, end) : run_deep(disk, row, end);
	double seconds = (double)(now_us() - begin) / 1e6;

	return (double)done * (row->in_bytes ? row->size / 1048576.0 : 1) / seconds;
}

static bool open_disk(struct disk *disk, char letter)
{
	char path[64];
	int serial;

	*disk = (struct disk){ .fd = -1 };
	(void)snprintf(path, sizeof(path), "/sys/block/vd%c/serial", letter);
	serial = open(path, O_RDONLY);
	if (serial < 0 || read(serial, disk->serial, sizeof(disk->serial) - 1) <= 0)
		return false;
	disk->serial[strcspn(disk->serial, "\n")] = '\0';
	(void)snprintf(path, sizeof(path), "/dev/vd%c", letter);
	disk->fd = open(path, O_RDWR | O_DIRECT);
	return disk->fd >= 0 && ioctl(disk->fd, BLKGETSIZE64, &disk->size) == 0;
}

int main(void)
{
	struct disk disks[DISKS_MAX];
	int count = 0;

	(void)mkdir("/dev", 0755);
	(void)mkdir("/sys", 0755);
	(void)mount("dev", "/dev", "devtmpfs", 0, NULL);
	(void)mount("sys", "/sys", "sysfs", 0, NULL);
	while (count < DISKS_MAX && open_disk(&disks[count], (char)('a' + count)))
		count++;
	for (unsigned i = 0; i < DEPTH_MAX; i++)
		buffer[i] = aligned_alloc(SMALL, LARGE);
	if (syscall(SYS_io_setup, DEPTH_MAX, &context) < 0)
		perror("io_setup");
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
			for (int i = 0; i < count; i++)
				printf("result %s %s %.1f\n", rows[row].name, disks[i].serial,
				       measure(&disks[i], &rows[row]));
		}
		(void)fflush(stdout);
	}
	(void)reboot(RB_POWER_OFF);
	return EXIT_FAILURE;
}
