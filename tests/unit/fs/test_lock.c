/*
 * Locks between processes of the guest, and with the host: attack F17.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;
static uint64_t node, fh[2];

static void begin(void)
{
	client_init(&client, false);
	client_host_file(&client, "f", "0123456789");
	node = client_lookup(&client, client.root, "f");
	(void)client_open(&client, node, O_RDWR, &fh[0]);
	(void)client_open(&client, node, O_RDWR, &fh[1]);
}

static int lock(uint32_t opcode, int who, uint32_t type, uint32_t flags)
{
	struct fuse_lk_in in = {
		.fh = fh[who],
		.owner = 100 + (uint64_t)who,
		.lk = { .start = 0, .end = INT64_MAX, .type = type, .pid = 7 + (uint32_t)who },
		.lk_flags = flags,
	};

	return client_call(&client, opcode, node, &in, sizeof(in), NULL, 0);
}

TEST(record_locks_conflict_and_end_with_the_process)
{
	struct fuse_flush_in flush = { .lock_owner = 100 };
	const struct fuse_lk_out *out = (const void *)client.body;

	begin();
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, 0), 0);
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, 0), 0);
	CHECK_EQ(lock(FUSE_SETLK, 1, F_RDLCK, 0), -EAGAIN);
	CHECK_EQ(lock(FUSE_GETLK, 1, F_RDLCK, 0), 0);
	CHECK_EQ(out->lk.type, F_WRLCK);
	CHECK_EQ(out->lk.pid, 7);
	CHECK_EQ(client_call(&client, FUSE_FLUSH, node, &flush, sizeof(flush), NULL, 0), 0);
	CHECK_EQ(lock(FUSE_SETLK, 1, F_RDLCK, 0), 0);
	CHECK_EQ(lock(FUSE_GETLK, 1, F_RDLCK, 0), 0);
	CHECK_EQ(out->lk.type, F_UNLCK);
	client_finish(&client);
}

TEST(who_waits_goes_on_when_the_lock_is_let_go)
{
	begin();
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, FUSE_LK_FLOCK), 0);
	CHECK_EQ(lock(FUSE_SETLK, 1, F_WRLCK, FUSE_LK_FLOCK), -EAGAIN);
	CHECK_EQ(lock(FUSE_SETLKW, 1, F_WRLCK, FUSE_LK_FLOCK), -EINPROGRESS);
	CHECK_EQ(fs_lock_waiters(client.fs), 1);
	CHECK_EQ(client.answered, 0);
	CHECK_EQ(lock(FUSE_SETLK, 0, F_UNLCK, FUSE_LK_FLOCK), 0);
	CHECK(client.answered != 0);
	CHECK_EQ(client.answer_error, 0);
	CHECK_EQ(fs_lock_waiters(client.fs), 0);
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, FUSE_LK_FLOCK), -EAGAIN);
	client_finish(&client);
}

TEST(closing_lets_go)
{
	begin();
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, 0), 0);
	CHECK_EQ(lock(FUSE_SETLKW, 1, F_WRLCK, 0), -EINPROGRESS);
	CHECK_EQ(client_release(&client, node, fh[0]), 0);
	CHECK(client.answered != 0);
	CHECK_EQ(client.answer_error, 0);
	client_finish(&client);
}

TEST(an_interrupt_ends_the_waiting)
{
	struct fuse_interrupt_in in = { 0 };

	begin();
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, 0), 0);
	CHECK_EQ(lock(FUSE_SETLKW, 1, F_WRLCK, 0), -EINPROGRESS);
	/* the client counts its requests up by two and uses the count as token */
	in.unique = UINT64_MAX;
	CHECK_EQ(client_call(&client, FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0), 0);
	CHECK_EQ(fs_lock_waiters(client.fs), 1);
	for (in.unique = 0; fs_lock_waiters(client.fs) > 0 && in.unique < 1000; in.unique++)
		(void)client_call(&client, FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0);
	CHECK_EQ(client.answer_error, -EINTR);
	client_finish(&client);
}

TEST(all_waiting_ends_when_the_queue_goes)
{
	begin();
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, 0), 0);
	CHECK_EQ(lock(FUSE_SETLKW, 1, F_WRLCK, 0), -EINPROGRESS);
	CHECK_EQ(lock(FUSE_SETLKW, 1, F_RDLCK, 0), -EINPROGRESS);
	fs_cancel_locks(client.fs);
	CHECK_EQ(client.answer_error, -EINTR);
	CHECK_EQ(fs_lock_waiters(client.fs), 0);
	client_finish(&client);
}

TEST(the_host_sees_and_holds_locks)
{
	autoclose int host = -1;
	struct flock record = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	begin();
	host = openat(client.folder, "f", O_RDWR | O_CLOEXEC);
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, FUSE_LK_FLOCK), 0);
	CHECK_EQ(flock(host, LOCK_EX | LOCK_NB), -1);
	CHECK_EQ(lock(FUSE_SETLK, 0, F_UNLCK, FUSE_LK_FLOCK), 0);
	CHECK_EQ(flock(host, LOCK_EX | LOCK_NB), 0);
	CHECK_EQ(lock(FUSE_SETLKW, 0, F_WRLCK, FUSE_LK_FLOCK), -EINPROGRESS);
	fs_retry_locks(client.fs);
	CHECK_EQ(client.answered, 0);
	CHECK_EQ(flock(host, LOCK_UN), 0);
	fs_retry_locks(client.fs);
	CHECK(client.answered != 0);

	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, 0), 0);
	CHECK_EQ(fcntl(host, F_SETLK, &record), -1);
	CHECK_EQ(lock(FUSE_SETLK, 0, F_UNLCK, 0), 0);
	CHECK_EQ(fcntl(host, F_SETLK, &record), 0);
	CHECK_EQ(lock(FUSE_SETLK, 0, F_RDLCK, 0), -EAGAIN);
	client_finish(&client);
}

TEST(locks_and_waiters_are_bounded)
{
	struct fuse_lk_in in = { .lk = { .end = INT64_MAX, .type = F_RDLCK } };
	int r = 0;

	begin();
	in.fh = fh[0];
	for (in.owner = 1; in.owner < 2000 && r == 0; in.owner++)
		r = client_call(&client, FUSE_SETLK, node, &in, sizeof(in), NULL, 0);
	CHECK_EQ(r, -ENOLCK);
	client_finish(&client);

	begin();
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, FUSE_LK_FLOCK), 0);
	for (int i = 0; i < 1000; i++) {
		r = lock(FUSE_SETLKW, 1, F_WRLCK, FUSE_LK_FLOCK);
		if (r != -EINPROGRESS)
			break;
	}
	CHECK_EQ(r, -ENOLCK);
	fs_reset(client.fs);
	CHECK_EQ(client.answered, 0);
	CHECK_EQ(fs_lock_waiters(client.fs), 0);
	client_finish(&client);
}

TEST(nonsense_is_refused)
{
	begin();
	CHECK_EQ(lock(FUSE_SETLK, 0, 99, 0), -EINVAL);
	CHECK_EQ(lock(FUSE_SETLK, 0, 99, FUSE_LK_FLOCK), -EINVAL);
	fh[0] = 12345;
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, FUSE_LK_FLOCK), -EBADF);
	client_finish(&client);
}

/* Nobody may open such a file again, but who made it has it open. */
TEST(a_file_without_permissions_is_locked_through_its_handle)
{
	struct fuse_flush_in flush = { .lock_owner = 100 };

	if (geteuid() == 0) {
		test_skipped = "root may open every file";
		return;
	}
	client_init(&client, false);
	CHECK_EQ(client_create(&client, client.root, "f", O_RDWR, 0, &node, &fh[0]), 0);
	fh[1] = fh[0];
	CHECK_EQ(lock(FUSE_SETLK, 0, F_WRLCK, 0), 0);
	CHECK_EQ(client_call(&client, FUSE_FLUSH, node, &flush, sizeof(flush), NULL, 0), 0);
	CHECK_EQ(fchmodat(client.folder, "f", 0600, 0), 0);
	CHECK_EQ(lock(FUSE_SETLK, 1, F_WRLCK, 0), 0);
	client_finish(&client);
}

TEST_MAIN()
