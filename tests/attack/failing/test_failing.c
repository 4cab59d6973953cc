/*
 * test_failing BLK FS SHIM: the device programs in their jails on a host whose disk fails. What the
 * host refuses reaches the guest as an error, what it does by halves is finished or told, what was
 * not written down is never said to be; and the device goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/attack/devices/blk_driver.h"
#include "tests/attack/devices/fuse_driver.h"
#include "tests/attack/devices/victim.h"
#include "tests/attack/failing/wishes.h"
#include "tests/unit/test.h"

enum {
	SECTOR = 512,
	LEN = 8 * SECTOR,
	READ_LEN = 1024, /* of a file */
	PLACE = 100,	 /* sector */
	ALL = 0x7fffffff,
};

static const char *blk_program, *fs_program, *shim;
static struct victim victim;
static struct wishes *wishes;
static char wishes_path[] = "wishes.XXXXXX";

/* From now on the next `count` of these calls fail. */
static void wish(uint32_t calls, int32_t error, uint32_t count)
{
	wishes->left = 0;
	wishes->calls = calls;
	wishes->error = error;
	wishes->failed = 0;
	wishes->left = count;
}

static void heal(void)
{
	wish(0, 0, 0);
}

static bool start(const struct victim_kind *kind, const char *program)
{
	char preload[512], path[512], here[256];
	/* The sanitizers want to come first, where this build has them. */
	char *environment[] = { preload, path, (char[]){ "ASAN_OPTIONS=verify_asan_link_order=0" },
				NULL };

	heal();
	if (getcwd(here, sizeof(here)) == NULL)
		return false;
	(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", shim);
	(void)snprintf(path, sizeof(path), "%s=%s/%s", WISHES_VARIABLE, here, wishes_path);
	return victim_start(&victim, kind, program, environment);
}

/* It serves as ever, harmed nothing, and ends as it should. */
static bool stop(void)
{
	bool whole;

	heal();
	whole = victim.kind->asks(&victim) && victim_is_unharmed(&victim);
	return victim_stop(&victim) && whole;
}

/* ---- the disk */

/* The status of a request at PLACE. The guest's data are at BLK_DATA_AT. */
static int disk(uint32_t type, uint32_t len)
{
	const struct blk_request request = { type, PLACE, len, type == VIRTIO_BLK_T_IN };

	return blk_call(&victim, &request);
}

static void fill(uint8_t seed)
{
	uint8_t *data = victim_at(&victim, BLK_DATA_AT);

	for (int i = 0; i < LEN; i++)
		data[i] = (uint8_t)(seed + i * 7);
}

static bool is_filled(const uint8_t *data, uint8_t seed)
{
	for (int i = 0; i < LEN; i++)
		if (data[i] != (uint8_t)(seed + i * 7))
			return false;
	return true;
}

static bool image_is_filled(uint8_t seed)
{
	uint8_t data[LEN];
	char path[96];
	int fd;
	bool read_all;

	(void)snprintf(path, sizeof(path), "%s/image", victim.folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	read_all = fd >= 0 && pread(fd, data, LEN, PLACE * SECTOR) == LEN;
	(void)close(fd);
	return read_all && is_filled(data, seed);
}

TEST(a_read_that_fails_is_an_error_of_the_disk)
{
	CHECK(start(&victim_blk, blk_program));
	wish(CALL_READ, EIO, ALL);
	CHECK_EQ(disk(VIRTIO_BLK_T_IN, LEN), VIRTIO_BLK_S_IOERR);
	wish(CALL_READ, WISH_NOTHING, ALL);
	CHECK_EQ(disk(VIRTIO_BLK_T_IN, LEN), VIRTIO_BLK_S_IOERR);
	CHECK(wishes->failed > 0);
	heal();
	CHECK_EQ(disk(VIRTIO_BLK_T_IN, LEN), VIRTIO_BLK_S_OK);
	CHECK(stop());
}

TEST(a_write_that_fails_is_an_error_of_the_disk)
{
	static const int32_t errors[] = { ENOSPC, EIO, EDQUOT, EFBIG, WISH_NOTHING };

	CHECK(start(&victim_blk, blk_program));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fill((uint8_t)i);
		wish(CALL_WRITE, errors[i], ALL);
		CHECK_EQ(disk(VIRTIO_BLK_T_OUT, LEN), VIRTIO_BLK_S_IOERR);
		CHECK(wishes->failed > 0);
		heal();
		CHECK_EQ(disk(VIRTIO_BLK_T_OUT, LEN), VIRTIO_BLK_S_OK);
		CHECK(image_is_filled((uint8_t)i));
	}
	CHECK(stop());
}

TEST(what_is_done_by_halves_is_finished)
{
	CHECK(start(&victim_blk, blk_program));
	fill(3);
	wish(CALL_WRITE | CALL_READ, WISH_SHORT, 20);
	CHECK_EQ(disk(VIRTIO_BLK_T_OUT, LEN), VIRTIO_BLK_S_OK);
	CHECK(wishes->failed > 0);
	CHECK(image_is_filled(3));
	memset(victim_at(&victim, BLK_DATA_AT), 0, LEN);
	wish(CALL_WRITE | CALL_READ, WISH_SHORT, 20);
	CHECK_EQ(disk(VIRTIO_BLK_T_IN, LEN), VIRTIO_BLK_S_OK);
	CHECK(wishes->failed > 0);
	CHECK(is_filled(victim_at(&victim, BLK_DATA_AT), 3));
	wish(CALL_WRITE | CALL_READ, EINTR, 3);
	CHECK_EQ(disk(VIRTIO_BLK_T_OUT, LEN), VIRTIO_BLK_S_OK);
	CHECK_EQ(wishes->failed, 3);
	CHECK(stop());
}

/* The host says it once and then forgets what it could not write: so nothing is, from then on. */
TEST(a_flush_that_failed_is_never_acknowledged)
{
	for (int i = 0; i < 2; i++) {
		CHECK(start(&victim_blk, blk_program));
		fill(1);
		CHECK_EQ(disk(VIRTIO_BLK_T_OUT, LEN), VIRTIO_BLK_S_OK);
		CHECK_EQ(disk(VIRTIO_BLK_T_FLUSH, 0), VIRTIO_BLK_S_OK);
		wish(CALL_SYNC, i == 0 ? EIO : ENOSPC, 1);
		CHECK_EQ(disk(VIRTIO_BLK_T_FLUSH, 0), VIRTIO_BLK_S_IOERR);
		CHECK_EQ(wishes->failed, 1);
		CHECK_EQ(disk(VIRTIO_BLK_T_FLUSH, 0), VIRTIO_BLK_S_IOERR);
		CHECK_EQ(disk(VIRTIO_BLK_T_IN, LEN), VIRTIO_BLK_S_OK);
		CHECK(stop());
	}
}

TEST(ranges_that_cannot_be_freed_are_an_error_of_the_disk)
{
	const struct virtio_blk_discard_write_zeroes range = { .sector = PLACE,
							       .num_sectors = LEN / SECTOR };

	CHECK(start(&victim_blk, blk_program));
	for (int i = 0; i < 2; i++) {
		memcpy(victim_at(&victim, BLK_DATA_AT), &range, sizeof(range));
		wish(CALL_ALLOCATE, i == 0 ? EIO : ENOSPC, ALL);
		CHECK_EQ(disk(VIRTIO_BLK_T_WRITE_ZEROES, sizeof(range)), VIRTIO_BLK_S_IOERR);
		CHECK_EQ(disk(VIRTIO_BLK_T_DISCARD, sizeof(range)), VIRTIO_BLK_S_IOERR);
		CHECK(wishes->failed >= 2);
	}
	CHECK(stop());
}

/* ---- shared folders */

struct opened {
	uint64_t folder, node, handle;
};

static bool open_file(struct opened *ret)
{
	const struct fuse_open_in how = { .flags = O_RDWR };
	struct fuse_open_out out;

	ret->folder = fuse_node(&victim, FUSE_ROOT_ID, "rw");
	ret->node = fuse_node(&victim, ret->folder, "file");
	if (ret->node == 0 || fuse_call(&victim, FUSE_OPEN, ret->node, &how, sizeof(how)) != 0)
		return false;
	memcpy(&out, fuse_answer(&victim), sizeof(out));
	ret->handle = out.fh;
	return true;
}

/* Bytes written, or the error. */
static int write_file(const struct opened *file)
{
	static const char bytes[LEN] = "written";
	const struct fuse_write_in in = { .fh = file->handle, .size = LEN };
	struct fuse_write_out out;
	int r = fuse_call_named(&victim, FUSE_WRITE, file->node, &in, sizeof(in), bytes, LEN);

	if (r != 0)
		return r;
	memcpy(&out, fuse_answer(&victim), sizeof(out));
	return (int)out.size;
}

static int read_file(const struct opened *file)
{
	const struct fuse_read_in in = { .fh = file->handle, .size = READ_LEN };

	return fuse_call(&victim, FUSE_READ, file->node, &in, sizeof(in));
}

static int sync_file(const struct opened *file, uint32_t flags)
{
	const struct fuse_fsync_in in = { .fh = file->handle, .fsync_flags = flags };

	return fuse_call(&victim, FUSE_FSYNC, file->node, &in, sizeof(in));
}

TEST(errors_of_the_host_pass_through_the_folders)
{
	static const int32_t errors[] = { EIO, ENOSPC, EDQUOT, EROFS, ESTALE };
	const struct fuse_fallocate_in more = { .length = 1 << 20 };
	struct opened file;

	CHECK(start(&victim_fs, fs_program));
	CHECK(open_file(&file));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct fuse_fallocate_in in = more;
		const struct fuse_mkdir_in folder = { .mode = 0700 };

		in.fh = file.handle;
		wish(~0u, errors[i], ALL);
		CHECK_EQ(read_file(&file), -errors[i]);
		CHECK_EQ(write_file(&file), -errors[i]);
		CHECK_EQ(fuse_call(&victim, FUSE_FALLOCATE, file.node, &in, sizeof(in)),
			 -errors[i]);
		CHECK_EQ(fuse_call_named(&victim, FUSE_MKDIR, file.folder, &folder, sizeof(folder),
					 "new", 4),
			 -errors[i]);
		CHECK_EQ(fuse_call(&victim, FUSE_UNLINK, file.folder, "file", 5), -errors[i]);
		heal();
		CHECK_EQ(write_file(&file), LEN);
	}
	CHECK(stop());
}

/* To the guest a short read is the end of the file, and a page's short write is lost. */
TEST(what_comes_and_goes_in_pieces_is_whole)
{
	static const char last[1] = "!";
	struct fuse_write_in end = { .offset = READ_LEN - 1, .size = 1 };
	struct opened file;

	CHECK(start(&victim_fs, fs_program));
	CHECK(open_file(&file));
	wish(CALL_WRITE, WISH_SHORT, ALL);
	CHECK_EQ(write_file(&file), LEN);
	CHECK(wishes->failed > 2);
	end.fh = file.handle;
	heal();
	CHECK_EQ(fuse_call_named(&victim, FUSE_WRITE, file.node, &end, sizeof(end), last, 1), 0);
	wish(CALL_READ, WISH_SHORT, ALL);
	CHECK_EQ(read_file(&file), 0);
	CHECK(wishes->failed > 2);
	CHECK_EQ(((const char *)fuse_answer(&victim))[READ_LEN - 1], '!');
	CHECK(stop());
}

/* Nothing at all is told, no more: who writes goes on behind it. */
TEST(a_write_that_does_nothing_is_told)
{
	struct opened file;

	CHECK(start(&victim_fs, fs_program));
	CHECK(open_file(&file));
	wish(CALL_WRITE, WISH_NOTHING, ALL);
	CHECK_EQ(write_file(&file), 0);
	CHECK(stop());
}

TEST(a_sync_that_failed_is_never_acknowledged)
{
	struct opened file;

	CHECK(start(&victim_fs, fs_program));
	CHECK(open_file(&file));
	for (uint32_t round = 0; round < 50; round++) {
		int error = round % 2 == 0 ? EIO : ENOSPC;

		CHECK_EQ(write_file(&file), LEN);
		wish(CALL_SYNC, error, 1);
		CHECK_EQ(sync_file(&file, round % 4 < 2 ? 0 : FUSE_FSYNC_FDATASYNC), -error);
		CHECK_EQ(sync_file(&file, 0), 0);
	}
	CHECK(stop());
}

static bool map_wishes(void)
{
	int fd = mkstemp(wishes_path);
	void *mapped = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(*wishes)) == 0)
		mapped = mmap(NULL, sizeof(*wishes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	wishes = mapped;
	return mapped != MAP_FAILED;
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 4 || !map_wishes())
		return EXIT_FAILURE;
	blk_program = argv[1];
	fs_program = argv[2];
	shim = argv[3];
	r = test_main();
	(void)unlink(wishes_path);
	return r;
}
