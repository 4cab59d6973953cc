#include "sbxd/guest.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "tests/unit/sbxd/folder.h"
#include "tests/unit/test.h"
#include "wire/stream.h"
#include "wire/vsock.h"

/* sbx-vsock and the guest behind it: one connection, answered by a script of frames. */
struct fake {
	int listen_fd;
	uint8_t verdict;
	const struct guest_message *answers;
	size_t count;
	bool says_nothing;
	struct vsock_ask_message ask;
	unsigned requests; /* frames that came */
	pthread_t thread;
};

static char folder[PATH_MAX], socket_path[PATH_MAX];
static struct paths paths;

static void *serve(void *context)
{
	struct fake *fake = context;
	uint8_t ask[VSOCK_ASK_SIZE];
	int fd = accept(fake->listen_fd, NULL, NULL);
	struct stream stream;
	struct frame frame;

	(void)fd_read_full(fd, ask, sizeof(ask));
	(void)vsock_ask_decode(ask, &fake->ask);
	(void)fd_write_full(fd, &fake->verdict, 1);
	stream_init(&stream, fd);
	for (size_t i = 0; i < fake->count; i++)
		(void)guest_message_append(&stream.out, &fake->answers[i]);
	if (fake->verdict == 0 && !fake->says_nothing)
		(void)stream_write(&stream, clock_now_ms() + 10000);
	while (stream_read(&stream, clock_now_ms() + 10000, &frame) == 1)
		fake->requests++;
	stream_finish(&stream);
	(void)close(fd);
	return NULL;
}

static int fake_start(struct fake *fake)
{
	int r = folder_make(folder, &paths);

	(void)signal(SIGPIPE, SIG_IGN); /* as in sbxd; here a client may leave early */
	(void)snprintf(socket_path, sizeof(socket_path), "%.4000s/vsock.sock", folder);
	if (r == 0)
		r = fd_listen_unix(socket_path, &fake->listen_fd);
	return r < 0 ? r : pthread_create(&fake->thread, NULL, serve, fake);
}

static void fake_end(struct fake *fake)
{
	(void)pthread_join(fake->thread, NULL);
	(void)close(fake->listen_fd);
	folder_remove(folder, &paths);
}

TEST(requests_go_out_together_and_all_are_answered)
{
	const struct guest_message answers[] = { { .type = GUEST_OK },
						 { .type = GUEST_OK, .bytes = 42 } };
	const struct guest_message requests[] = { { .type = GUEST_PING }, { .type = GUEST_TRIM } };
	struct fake fake = { .answers = answers, .count = 2 };
	struct guest_message last;
	struct err err = ERR_INIT;
	int fd = -1;

	CHECK_EQ(fake_start(&fake), 0);
	CHECK_EQ(guest_connect(socket_path, true, clock_now_ms() + 10000, &fd, &err), 0);
	CHECK_EQ(guest_ask(fd, requests, 2, clock_now_ms() + 10000, &last, &err), 0);
	CHECK_EQ(last.bytes, 42);
	guest_message_finish(&last);
	(void)close(fd);
	fake_end(&fake);
	CHECK_EQ(fake.requests, 2);
	CHECK_EQ(fake.ask.ask, VSOCK_CONNECT);
	CHECK_EQ(fake.ask.port, GUEST_PORT);
	CHECK_EQ(fake.ask.flags, VSOCK_FLAG_SESSION);
}

static int call(struct fake *fake, uint64_t timeout_ms, struct err *err)
{
	struct guest_message request = { .type = GUEST_PING };
	int r;

	if (fake_start(fake) != 0)
		return -ENOMSG;
	r = guest_call(socket_path, &request, clock_now_ms() + timeout_ms, NULL, err);
	fake_end(fake);
	return r;
}

TEST(the_guests_refusal_becomes_ours)
{
	const struct guest_message answer = { .type = GUEST_ERROR,
					      .error = ENOSPC,
					      .text = (char *)"no room" };
	struct fake fake = { .answers = &answer, .count = 1 };
	struct err err = ERR_INIT;

	CHECK_EQ(call(&fake, 10000, &err), -ENOSPC);
	CHECK(strstr(err.text, "no room") != NULL);
}

TEST(an_absurd_errno_is_no_errno)
{
	const struct guest_message answer = { .type = GUEST_ERROR, .error = 0x80000001 };
	struct fake fake = { .answers = &answer, .count = 1 };
	struct err err = ERR_INIT;

	CHECK_EQ(call(&fake, 10000, &err), -EIO);
}

TEST(another_type_of_answer_is_nonsense)
{
	const struct guest_message answer = { .type = GUEST_BUSY, .count = 1 };
	struct fake fake = { .answers = &answer, .count = 1 };
	struct err err = ERR_INIT;

	CHECK_EQ(call(&fake, 10000, &err), -EPROTO);
}

TEST(a_connection_that_is_refused)
{
	struct fake fake = { .verdict = ECONNREFUSED };
	struct err err = ERR_INIT;

	CHECK_EQ(call(&fake, 10000, &err), -ECONNREFUSED);
}

TEST(a_silent_guest_costs_a_deadline)
{
	struct fake fake = { .says_nothing = true };
	struct err err = ERR_INIT;

	CHECK_EQ(call(&fake, 50, &err), -ETIMEDOUT);
}

static int count_item(void *context, const struct guest_message *item)
{
	*(unsigned *)context += item->name != NULL ? 1 : 0;
	return 0;
}

TEST(a_list_ends_at_its_end)
{
	const struct guest_message answers[] = { { .type = GUEST_ITEM, .name = (char *)"1" },
						 { .type = GUEST_ITEM, .name = (char *)"2" },
						 { .type = GUEST_EOF } };
	struct fake fake = { .answers = answers, .count = 3 };
	struct err err = ERR_INIT;
	unsigned count = 0;

	CHECK_EQ(fake_start(&fake), 0);
	CHECK_EQ(guest_list(socket_path, clock_now_ms() + 10000, count_item, &count, &err), 0);
	fake_end(&fake);
	CHECK_EQ(count, 2);
}

TEST(a_command_has_a_status)
{
	const struct guest_message request = { .type = GUEST_EXEC };
	const struct guest_message answers[] = {
		{ .type = GUEST_EXIT, .status = 3, .has_status = true }
	};
	struct fake fake = { .answers = answers, .count = 1 };
	struct err err = ERR_INIT;
	uint32_t status = 0;

	CHECK_EQ(fake_start(&fake), 0);
	CHECK_EQ(guest_run(socket_path, &request, clock_now_ms() + 10000, &status, &err), 0);
	CHECK_EQ(status, 3);
	fake_end(&fake);
}

TEST(a_command_that_a_signal_ended_has_none)
{
	const struct guest_message request = { .type = GUEST_EXEC };
	const struct guest_message answers[] = { { .type = GUEST_EXIT, .signal = 9 } };
	struct fake fake = { .answers = answers, .count = 1 };
	struct err err = ERR_INIT;
	uint32_t status = 0;

	CHECK_EQ(fake_start(&fake), 0);
	CHECK_EQ(guest_run(socket_path, &request, clock_now_ms() + 10000, &status, &err), -EPROTO);
	fake_end(&fake);
}

TEST_MAIN()
