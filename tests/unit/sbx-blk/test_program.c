/*
 * The program itself, in its jail, with two disks: vda writable, vdb read-only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "jail/spawn.h"
#include "tests/unit/sbx-blk/blk_client.h"
#include "tests/unit/test.h"
#include "vhost/frontend.h"

enum { DISK_BYTES = 8 << 20, DISKS = 2, PATIENCE_MS = 60000 };

static struct spawned child;
static struct blk_client client[DISKS];
static int image[DISKS] = { -1, -1 };
static int output; /* what the program logs */

/* The images of the program before are taken up by the next. */
static int open_images(void)
{
	if (image[0] >= 0)
		return 0;
	for (int i = 0; i < DISKS; i++) {
		char path[] = "disk.XXXXXX";
		autoclose int fd = mkstemp(path);

		image[i] = open(path, (i == 0 ? O_RDWR : O_RDONLY) | O_CLOEXEC);
		if (fd < 0 || image[i] < 0 || unlink(path) < 0 || ftruncate(fd, DISK_BYTES) < 0 ||
		    pwrite(fd, "first", 5, 0) != 5)
			return -EIO;
	}
	return 0;
}

/* Starts the program with arguments (of which argv[0] is ignored); sockets[] gets our ends. */
static int spawn(char *const *argv, int sockets[DISKS])
{
	struct err err = ERR_INIT;
	int pairs[DISKS][2], log[2], fds[2 * DISKS], r;

	if (open_images() < 0 || fd_socketpair(pairs[0]) < 0 || fd_socketpair(pairs[1]) < 0 ||
	    pipe2(log, O_CLOEXEC) < 0)
		return -EIO;
	for (int i = 0; i < DISKS; i++) {
		sockets[i] = pairs[i][0];
		fds[2 * i] = pairs[i][1];
		fds[2 * i + 1] = image[i];
	}
	output = log[0];
	r = jail_spawn(&(struct spawn_config){ .program = getenv("SBX_BLK"),
					       .argv = argv,
					       .fds = fds,
					       .fds_count = 2 * DISKS,
					       .stdout_fd = log[1] },
		       &child, &err);
	if (r == 0)
		r = jail_spawn_release(&child, &err);
	if (r < 0)
		printf("# %s\n", err.text);
	(void)close(log[1]);
	for (int i = 0; i < DISKS; i++)
		(void)close(pairs[i][1]);
	return r;
}

/* Waits for the end of the program; its exit status, or minus the signal. Images stay. */
static int reap(void)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED) < 0)
		return -errno;
	spawned_finish(&child);
	(void)close(output);
	return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static int wait_for_end(void)
{
	for (int i = 0; i < DISKS; i++)
		(void)close(take_fd(&image[i]));
	return reap();
}

static char *const arguments[] = { (char *)"sbx-blk", (char *)"rw", (char *)"ro", NULL };

static int start(void)
{
	int sockets[DISKS], r;

	r = spawn(arguments, sockets);
	for (int i = 0; i < DISKS && r == 0; i++) {
		r = blk_client_start(&client[i], sockets[i]);
		if (r < 0)
			printf("# %s\n", client[i].err.text);
	}
	return r;
}

static int stop(void)
{
	for (int i = 0; i < DISKS; i++)
		blk_client_finish(&client[i]);
	return wait_for_end();
}

TEST(disks_are_served_from_inside_the_jail)
{
	uint8_t seen[512];

	CHECK_EQ(start(), 0);
	CHECK_EQ(blk_client_capacity(&client[0]), DISK_BYTES / 512);
	CHECK_EQ(blk_client_do(&client[0], VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	CHECK_STR((char *)blk_client_data(&client[0], 0), "first");
	memset(blk_client_data(&client[0], 0), 0x5a, 4096);
	CHECK_EQ(blk_client_do(&client[0], VIRTIO_BLK_T_OUT, 8, 4096), VIRTIO_BLK_S_OK);
	CHECK_EQ(blk_client_do(&client[0], VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	CHECK_EQ(pread(image[0], seen, 512, 15 * 512), 512);
	CHECK_EQ(seen[511], 0x5a);
	CHECK_EQ(blk_client_do(&client[1], VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	CHECK_STR((char *)blk_client_data(&client[1], 0), "first");
	CHECK_EQ(blk_client_do(&client[1], VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(blk_client_do(&client[1], VIRTIO_BLK_T_GET_ID, 0, 20), VIRTIO_BLK_S_OK);
	CHECK_STR((char *)blk_client_data(&client[1], 0), "vdb");
	CHECK_EQ(stop(), 0);
}

TEST(discard_works_under_the_filter)
{
	struct stat before, after;
	uint64_t sector = 0;
	uint32_t sectors = DISK_BYTES / 512, none = 0;

	CHECK_EQ(start(), 0);
	memset(blk_client_data(&client[0], 0), 1, BLK_DATA_MAX);
	CHECK_EQ(blk_client_do(&client[0], VIRTIO_BLK_T_OUT, 0, BLK_DATA_MAX), VIRTIO_BLK_S_OK);
	CHECK_EQ(blk_client_do(&client[0], VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	CHECK_EQ(fstat(image[0], &before), 0);
	memcpy(blk_client_data(&client[0], 0), &sector, 8);
	memcpy(blk_client_data(&client[0], 0) + 8, &sectors, 4);
	memcpy(blk_client_data(&client[0], 0) + 12, &none, 4);
	CHECK_EQ(blk_client_do(&client[0], VIRTIO_BLK_T_DISCARD, 0, 16), VIRTIO_BLK_S_OK);
	CHECK_EQ(fstat(image[0], &after), 0);
	CHECK(after.st_blocks < before.st_blocks);
	CHECK_EQ(stop(), 0);
}

/* What block `block` holds after its write number `version`. */
static void pattern(uint8_t *to, uint32_t block, uint32_t version)
{
	for (uint32_t i = 0; i < 4096 / 4; i++)
		((uint32_t *)(void *)to)[i] = block * 2654435761U + version * 40503U + i;
}

TEST(many_requests_at_once_keep_their_data)
{
	enum { BLOCKS = DISK_BYTES / 4096, ROUNDS = 60 };
	static uint32_t version[BLOCKS];
	uint8_t want[4096];
	uint32_t seed = 1;

	CHECK_EQ(start(), 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		uint32_t type = round % 2 != 0 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
		uint32_t block[BLK_SLOTS];

		for (unsigned slot = 0; slot < BLK_SLOTS; slot++) {
			seed = seed * 1103515245U + 12345U;
			block[slot] = ((seed >> 8) % (BLOCKS / BLK_SLOTS)) * BLK_SLOTS + slot;
			if (slot % 8 == 7 && type == VIRTIO_BLK_T_OUT) {
				blk_client_submit(&client[0], slot, VIRTIO_BLK_T_FLUSH, 0, 0);
				continue;
			}
			if (type == VIRTIO_BLK_T_OUT)
				pattern(blk_client_data(&client[0], slot), block[slot],
					version[block[slot]] = round);
			blk_client_submit(&client[0], slot, type, block[slot] * 8, 4096);
			blk_client_kick(&client[0]);
		}
		blk_client_kick(&client[0]);
		for (unsigned i = 0; i < BLK_SLOTS; i++) {
			int slot = blk_client_complete(&client[0]);

			CHECK(slot >= 0);
			CHECK_EQ(blk_client_status(&client[0], (unsigned)slot), VIRTIO_BLK_S_OK);
			if (type != VIRTIO_BLK_T_IN || version[block[slot]] == 0)
				continue;
			pattern(want, block[slot], version[block[slot]]);
			CHECK_MEM(blk_client_data(&client[0], (unsigned)slot), want, 4096);
		}
	}
	CHECK_EQ(stop(), 0);
}

static atomic_bool flood_ended;

/* A second CPU of the guest: as soon as a flush is done it wants another one. */
static void *flood(void *argument)
{
	(void)argument;
	while (!flood_ended) {
		int slot = blk_client_take(&client[0]);

		if (slot == BLK_LOST)
			continue;
		blk_client_submit(&client[0], (unsigned)slot, VIRTIO_BLK_T_FLUSH, 0, 0);
		blk_client_kick(&client[0]);
	}
	return NULL;
}

TEST(v07_a_queue_stops_while_its_guest_goes_on_asking)
{
	struct err err = ERR_INIT;
	pthread_t thread;
	uint16_t base;

	CHECK_EQ(start(), 0);
	for (unsigned slot = 0; slot < BLK_SLOTS; slot++)
		blk_client_submit(&client[0], slot, VIRTIO_BLK_T_FLUSH, 0, 0);
	flood_ended = false;
	CHECK_EQ(pthread_create(&thread, NULL, flood, NULL), 0);
	blk_client_kick(&client[0]);
	CHECK_EQ(vhost_frontend_stop_queue(client[0].frontend, 0, &base, &err), 0);
	flood_ended = true;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(blk_client_do(&client[1], VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	CHECK_EQ(stop(), 0);
}

TEST(a_grown_image_is_told)
{
	struct pollfd wait = { .events = POLLIN };
	bool changed = false;

	CHECK_EQ(start(), 0);
	CHECK_EQ(ftruncate(image[0], 2 * DISK_BYTES), 0);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, child.pidfd, SIGHUP, NULL, 0), 0);
	wait.fd = vhost_frontend_requests(client[0].frontend);
	CHECK_EQ(poll(&wait, 1, PATIENCE_MS), 1);
	CHECK_EQ(vhost_frontend_take_requests(client[0].frontend, &changed), 0);
	CHECK(changed);
	CHECK_EQ(blk_client_capacity(&client[0]), 2 * DISK_BYTES / 512);
	CHECK_EQ(blk_client_do(&client[0], VIRTIO_BLK_T_IN, 2 * DISK_BYTES / 512 - 1, 512),
		 VIRTIO_BLK_S_OK);
	CHECK_EQ(stop(), 0);
}

TEST(v13_a_killed_backend_is_noticed)
{
	struct err err = ERR_INIT;
	struct pollfd wait = { .events = POLLIN };
	uint16_t base;

	CHECK_EQ(start(), 0);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, child.pidfd, SIGKILL, NULL, 0), 0);
	wait.fd = vhost_frontend_socket(client[0].frontend);
	CHECK_EQ(poll(&wait, 1, PATIENCE_MS), 1);
	CHECK_EQ(vhost_frontend_stop_queue(client[0].frontend, 0, &base, &err), -EPIPE);
	CHECK_EQ(stop(), -SIGKILL);
}

/* Has another one serve the same clients. */
static int go_on(void)
{
	int sockets[DISKS], r;

	r = spawn(arguments, sockets);
	for (int i = 0; i < DISKS && r == 0; i++) {
		r = blk_client_go_on(&client[i], sockets[i]);
		if (r < 0)
			printf("# %s\n", client[i].err.text);
	}
	return r;
}

/* Ends the program with SIGKILL, and another one goes on. */
static int replace(void)
{
	if (syscall(SYS_pidfd_send_signal, child.pidfd, SIGKILL, NULL, 0) < 0 || reap() != -SIGKILL)
		return -EIO;
	return go_on();
}

static bool completes(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int slot = blk_client_complete(&client[0]);

		if (slot < 0 || blk_client_status(&client[0], (unsigned)slot) != VIRTIO_BLK_S_OK)
			return false;
	}
	return true;
}

/* Killed with requests under way, another one each time later. */
TEST(v13_a_killed_backend_is_replaced_and_no_request_is_lost)
{
	enum { ROUNDS = 24 };
	uint8_t want[4096];

	CHECK_EQ(start(), 0);
	CHECK_EQ(blk_client_do(&client[1], VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		for (unsigned slot = 0; slot < BLK_SLOTS; slot++) {
			pattern(blk_client_data(&client[0], slot), slot, round);
			blk_client_submit(&client[0], slot,
					  slot % 4 == 3 ? VIRTIO_BLK_T_FLUSH : VIRTIO_BLK_T_OUT,
					  slot * 8, slot % 4 == 3 ? 0 : 4096);
		}
		blk_client_kick(&client[0]);
		CHECK(completes(round));
		CHECK_EQ(replace(), 0);
		CHECK(completes(BLK_SLOTS - round));
		for (unsigned slot = 0; slot < BLK_SLOTS; slot++) {
			if (slot % 4 == 3)
				continue;
			pattern(want, slot, round);
			CHECK_EQ(blk_client_do(&client[0], VIRTIO_BLK_T_IN, slot * 8, 4096),
				 VIRTIO_BLK_S_OK);
			CHECK_MEM(blk_client_data(&client[0], 0), want, 4096);
		}
	}
	CHECK_STR((char *)blk_client_data(&client[1], 0), "first");
	CHECK_EQ(blk_client_do(&client[1], VIRTIO_BLK_T_GET_ID, 0, 20), VIRTIO_BLK_S_OK);
	CHECK_EQ(stop(), 0);
}

/* What becomes of a slot in the test below; its buffer is the driver's unless it is submitted. */
struct stress_slot {
	bool submitted;
	uint32_t type;
	uint32_t version; /* of its block: what a write carries, and a read must find */
};

enum { STRESS_BLOCK = 16 << 10, SECRET = 0x6b };

static uint32_t random_below(uint32_t *seed, uint32_t limit)
{
	*seed = *seed * 1103515245U + 12345U;
	return (*seed >> 8) % limit;
}

static void submit_stress(struct stress_slot *slot, unsigned index, uint32_t *seed)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_FLUSH };
	uint8_t *data = blk_client_data(&client[0], index);

	slot->submitted = true;
	slot->type = slot->version == 0 ? VIRTIO_BLK_T_OUT : types[random_below(seed, 3)];
	slot->version += slot->type == VIRTIO_BLK_T_OUT;
	for (uint32_t at = 0; slot->type == VIRTIO_BLK_T_OUT && at < STRESS_BLOCK; at += 4096)
		pattern(data + at, index + at, slot->version);
	blk_client_submit(&client[0], index, slot->type, index * (STRESS_BLOCK / 512),
			  slot->type == VIRTIO_BLK_T_FLUSH ? 0 : STRESS_BLOCK);
}

/* A slot comes back: once, with what its block holds. Its buffer is used for something else. */
static bool take_back(struct stress_slot slots[BLK_SLOTS], int index)
{
	struct stress_slot *slot = index < 0 ? NULL : &slots[index];
	uint8_t *data, want[4096];

	if (slot == NULL || !slot->submitted ||
	    blk_client_status(&client[0], (unsigned)index) != VIRTIO_BLK_S_OK)
		return false;
	slot->submitted = false;
	data = blk_client_data(&client[0], (unsigned)index);
	for (uint32_t at = 0; slot->type == VIRTIO_BLK_T_IN && at < STRESS_BLOCK; at += 4096) {
		pattern(want, (uint32_t)index + at, slot->version);
		if (memcmp(data + at, want, sizeof(want)) != 0)
			return false;
	}
	memset(data, SECRET, STRESS_BLOCK);
	return true;
}

/* Nobody wrote to the buffers that are the driver's. */
static bool keeps_out(const struct stress_slot slots[BLK_SLOTS])
{
	static uint8_t untouched[STRESS_BLOCK];

	memset(untouched, SECRET, sizeof(untouched));
	for (unsigned i = 0; i < BLK_SLOTS; i++)
		if (!slots[i].submitted && slots[i].version > 0 &&
		    memcmp(blk_client_data(&client[0], i), untouched, sizeof(untouched)) != 0)
			return false;
	return true;
}

/*
 * Killed at any moment, again and again: what was given back is not served a second time by
 * the next process, which would write to memory that its guest uses for something else.
 */
TEST(v13_a_request_is_given_back_once_however_often_its_backend_is_killed)
{
	enum { KILLS = 60 };
	struct stress_slot slots[BLK_SLOTS] = { 0 };
	uint32_t seed = 7, in_work = 0;

	CHECK_EQ(start(), 0);
	for (unsigned kill = 0; kill < KILLS; kill++) {
		uint32_t back = 0, enough = random_below(&seed, BLK_SLOTS);
		int slot;

		for (unsigned i = 0; i < BLK_SLOTS; i++)
			submit_stress(&slots[i], i, &seed);
		blk_client_kick(&client[0]);
		for (; back < enough; back++)
			CHECK(take_back(slots, blk_client_complete(&client[0])));
		CHECK_EQ(syscall(SYS_pidfd_send_signal, child.pidfd, SIGKILL, NULL, 0), 0);
		CHECK_EQ(reap(), -SIGKILL);
		for (; (slot = blk_client_take(&client[0])) != BLK_LOST; back++)
			CHECK(take_back(slots, slot));
		in_work += back < BLK_SLOTS;
		CHECK_EQ(go_on(), 0);
		for (; back < BLK_SLOTS; back++)
			CHECK(take_back(slots, blk_client_complete(&client[0])));
		CHECK_EQ(blk_client_take(&client[0]), BLK_LOST);
		CHECK(keeps_out(slots));
	}
	printf("# killed with requests under way: %u of %d times\n", in_work, KILLS);
	CHECK_EQ(stop(), 0);
}

/* Runs the program to its end and looks for words in its log. */
static bool fails_saying(char *const *argv, const char *words)
{
	char text[4096] = "";
	int sockets[DISKS];

	if (spawn(argv, sockets) < 0 || fd_read_full(output, text, sizeof(text) - 1) < 0)
		return false;
	for (int i = 0; i < DISKS; i++)
		(void)close(sockets[i]);
	if (strstr(text, words) == NULL)
		printf("# it said: %s\n", text);
	return wait_for_end() == EXIT_FAILURE && strstr(text, words) != NULL;
}

TEST(wrong_arguments_end_in_a_sentence)
{
	char *const none[] = { (char *)"sbx-blk", NULL };
	char *const word[] = { (char *)"sbx-blk", (char *)"rw", (char *)"readonly", NULL };
	char *const swapped[] = { (char *)"sbx-blk", (char *)"ro", (char *)"rw", NULL };

	CHECK(fails_saying(none, "no disk was given"));
	CHECK(fails_saying(word, "'readonly' is neither rw nor ro"));
	CHECK(fails_saying(swapped, "the image of disk vda must be opened read-only"));
}

TEST_MAIN()
