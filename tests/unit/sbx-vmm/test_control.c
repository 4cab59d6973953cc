#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx-vmm/control.h"
#include "tests/unit/test.h"

enum { PATIENCE_MS = 5000 };

struct fixture {
	struct loop *loop;
	struct control control;
	char folder[64], path[80];
	int listen;
	enum vmm_state state;
	uint64_t ballooned;
	uint64_t replaced; /* number of the device, plus one */
};

static void report(void *ctx, struct vmm_answer *ret)
{
	struct fixture *f = ctx;

	*ret = (struct vmm_answer){ .state = f->state, .exits_pio = 7 };
	if (f->state != VMM_RUNNING)
		(void)snprintf(ret->text, sizeof(ret->text), "it is over");
}

static void balloon(void *ctx, uint64_t bytes)
{
	((struct fixture *)ctx)->ballooned = bytes;
}

/* There is a device 2 and no other. */
static int backend(void *ctx, uint64_t index, int socket, struct err *err)
{
	bool works = fd_write_full(socket, "hello", 5) == 0;

	(void)close(socket);
	if (!works || index != 2)
		return err_set(err, -ENODEV, "there is no device %d", (int)index);
	((struct fixture *)ctx)->replaced = index + 1;
	return 0;
}

static const struct control_impl impl = { .report = report,
					  .balloon = balloon,
					  .backend = backend };

static bool init(struct fixture *f)
{
	*f = (struct fixture){ .state = VMM_RUNNING, .folder = "test-control-XXXXXX" };
	if (mkdtemp(f->folder) == NULL || loop_create(&f->loop) < 0)
		return false;
	(void)snprintf(f->path, sizeof(f->path), "%s/socket", f->folder);
	return fd_listen_unix(f->path, &f->listen) == 0 &&
	       control_init(&f->control, f->loop, f->listen, &impl, f) == 0;
}

static void finish(struct fixture *f)
{
	control_finish(&f->control);
	loop_destroy(f->loop);
	(void)close(f->listen);
	(void)unlink(f->path);
	(void)rmdir(f->folder);
}

static void ask(int fd, enum vmm_ask what, uint64_t value)
{
	uint8_t bytes[VMM_ASK_SIZE];

	vmm_ask_encode(&(struct vmm_ask_message){ .ask = what, .value = value }, bytes);
	(void)fd_write_full(fd, bytes, sizeof(bytes));
}

/* Runs the loop until the whole answer is there. */
static bool hear(struct fixture *f, int fd, struct vmm_answer *ret)
{
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;
	uint8_t bytes[VMM_ANSWER_SIZE];

	while (clock_left_ms(deadline) > 0) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n == (ssize_t)sizeof(bytes))
			return vmm_answer_decode(bytes, ret) == 0;
		if (n == 0)
			return false;
		(void)loop_step(f->loop, 10);
	}
	return false;
}

TEST(state_is_answered_at_once)
{
	struct fixture f;
	struct vmm_answer answer;
	autoclose int fd = -1;

	CHECK(init(&f));
	CHECK_EQ(fd_connect_unix(f.path, &fd), 0);
	ask(fd, VMM_ASK_STATE, 0);
	CHECK(hear(&f, fd, &answer));
	CHECK_EQ(answer.state, VMM_RUNNING);
	CHECK_EQ(answer.exits_pio, 7);
	ask(fd, VMM_ASK_BALLOON, 4096);
	CHECK(hear(&f, fd, &answer));
	CHECK_EQ(f.ballooned, 4096);
	CHECK_EQ(f.control.answered, 2);
	finish(&f);
}

TEST(the_end_is_answered_when_it_comes)
{
	struct fixture f;
	struct vmm_answer answer;
	autoclose int waiting = -1;
	autoclose int late = -1;

	CHECK(init(&f));
	CHECK_EQ(fd_connect_unix(f.path, &waiting), 0);
	ask(waiting, VMM_ASK_END, 0);
	while (!f.control.peer[0].wants_end)
		CHECK_EQ(loop_step(f.loop, PATIENCE_MS), 0);
	f.state = VMM_PANICKED;
	control_tell_end(&f.control);
	CHECK(hear(&f, waiting, &answer));
	CHECK_EQ(answer.state, VMM_PANICKED);
	CHECK_STR(answer.text, "it is over");
	CHECK_EQ(fd_connect_unix(f.path, &late), 0);
	ask(late, VMM_ASK_END, 0);
	CHECK(hear(&f, late, &answer));
	finish(&f);
}

/* Sends it with a descriptor. */
static void ask_with(int fd, uint64_t value, int passed)
{
	uint8_t bytes[VMM_ASK_SIZE];

	vmm_ask_encode(&(struct vmm_ask_message){ .ask = VMM_ASK_BACKEND, .value = value }, bytes);
	(void)fd_send(fd, bytes, sizeof(bytes), &passed, 1);
}

TEST(another_backend_comes_with_its_socket)
{
	struct fixture f;
	struct vmm_answer answer;
	autoclose int fd = -1;
	char hello[5];
	int pair[2];

	CHECK(init(&f));
	CHECK_EQ(fd_socketpair(pair), 0);
	CHECK_EQ(fd_connect_unix(f.path, &fd), 0);
	ask_with(fd, 2, pair[1]);
	CHECK(hear(&f, fd, &answer));
	CHECK_EQ(answer.error, 0);
	CHECK_EQ(f.replaced, 3);
	CHECK_EQ(fd_read_full(pair[0], hello, 5), 5);
	ask_with(fd, 7, pair[1]);
	CHECK(hear(&f, fd, &answer));
	CHECK_EQ(answer.error, ENODEV);
	CHECK_STR(answer.text, "there is no device 7");
	ask(fd, VMM_ASK_BACKEND, 2);
	CHECK(!hear(&f, fd, &answer));
	(void)close(pair[0]);
	(void)close(pair[1]);
	finish(&f);
}

TEST(nonsense_and_too_many_are_hung_up_on)
{
	struct fixture f;
	struct vmm_answer answer;
	int fd[CONTROL_PEERS_MAX + 1];

	CHECK(init(&f));
	for (int i = 0; i <= CONTROL_PEERS_MAX; i++)
		CHECK_EQ(fd_connect_unix(f.path, &fd[i]), 0);
	CHECK(!hear(&f, fd[CONTROL_PEERS_MAX], &answer));
	CHECK_EQ(fd_write_full(fd[0], "sixteen bytes...", VMM_ASK_SIZE), 0);
	CHECK(!hear(&f, fd[0], &answer));
	ask(fd[1], VMM_ASK_STATE, 0);
	CHECK(hear(&f, fd[1], &answer));
	for (int i = 0; i <= CONTROL_PEERS_MAX; i++)
		(void)close(fd[i]);
	finish(&f);
}

TEST_MAIN()
