/*
 * A session between this process and a child that plays the guest. The child
 * exits with 0 when it saw what it expected.
 */
#include "sbx/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "tests/unit/test.h"
#include "wire/guest.h"
#include "wire/stream.h"

enum { PATIENCE_MS = 30000, GUEST_FAILED = 99 };

/* The guest's side of a connection. */
struct guest {
	struct stream stream;
};

typedef void guest_fn(struct guest *guest);

/* Checks in the child: it has no other way to tell. */
#define EXPECT(condition)                                                                      \
	do {                                                                                   \
		if (!(condition)) {                                                            \
			(void)fprintf(stderr, "# guest, line %d: %s\n", __LINE__, #condition); \
			_exit(GUEST_FAILED);                                                   \
		}                                                                              \
	} while (0)

static struct frame guest_read(struct guest *guest)
{
	struct frame frame;

	EXPECT(stream_read(&guest->stream, clock_now_ms() + PATIENCE_MS, &frame) == 1);
	return frame;
}

static void guest_expect(struct guest *guest, enum guest_type type, const char *payload)
{
	struct frame frame = guest_read(guest);

	EXPECT(frame.type == (uint16_t)type);
	EXPECT(frame.len == strlen(payload) && memcmp(frame.payload, payload, frame.len) == 0);
}

static void guest_send(struct guest *guest, enum guest_type type, const char *payload)
{
	EXPECT(frame_append(&guest->stream.out, (uint16_t)type, payload, strlen(payload)) == 0);
	EXPECT(stream_write(&guest->stream, clock_now_ms() + PATIENCE_MS) == 0);
}

static void guest_say(struct guest *guest, const struct guest_message *message)
{
	EXPECT(guest_message_append(&guest->stream.out, message) == 0);
	EXPECT(stream_write(&guest->stream, clock_now_ms() + PATIENCE_MS) == 0);
}

static void guest_exit(struct guest *guest, uint32_t status)
{
	guest_say(guest, &(struct guest_message){
				 .type = GUEST_EXIT, .has_status = true, .status = status });
}

/* Both ends of everything a session touches. */
struct world {
	int socket;	    /* ours */
	int in[2];	    /* what is written to [1] is the session's input */
	int out[2], err[2]; /* what the session writes is read from [0] */
	pid_t child;
};

static bool world_make(struct world *world, guest_fn *play)
{
	int pair[2];

	if (fd_socketpair(pair) < 0 || pipe2(world->in, O_CLOEXEC) < 0 ||
	    pipe2(world->out, O_CLOEXEC) < 0 || pipe2(world->err, O_CLOEXEC) < 0)
		return false;
	(void)fflush(stdout);
	world->socket = pair[0];
	world->child = fork();
	if (world->child == 0) {
		struct guest guest;

		(void)close(pair[0]);
		(void)close(world->in[0]);
		(void)close(world->in[1]);
		(void)close(world->out[0]);
		(void)close(world->out[1]);
		stream_init(&guest.stream, pair[1]);
		play(&guest);
		_exit(0);
	}
	(void)close(pair[1]);
	return world->child > 0;
}

/* Closes all and returns the child's exit status. */
static int world_finish(struct world *world)
{
	const int fds[] = { world->socket, world->in[0],  world->in[1], world->out[0],
			    world->out[1], world->err[0], world->err[1] };
	int status = -1;

	for (size_t i = 0; i < countof(fds); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	(void)waitpid(world->child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *const words[] = { (char *)(uintptr_t) "cmd", NULL };
static const struct guest_message request = { .type = GUEST_EXEC,
					      .args = (char **)(uintptr_t)words,
					      .args_count = 1 };

static struct session_config config_of(const struct world *world)
{
	return (struct session_config){ .socket = world->socket,
					.request = &request,
					.in = world->in[0],
					.out = world->out[1],
					.err = world->err[1],
					.terminal = -1,
					.forward_signals = true };
}

static const char *read_text(int fd, char *ret, size_t size)
{
	ssize_t n = read(fd, ret, size - 1);

	ret[n > 0 ? n : 0] = '\0';
	return ret;
}

static void play_echo(struct guest *guest)
{
	struct guest_message message;
	struct frame frame = guest_read(guest);

	EXPECT(guest_message_decode(&frame, &message) == 0);
	EXPECT(message.type == GUEST_EXEC && strcmp(message.args[0], "cmd") == 0);
	guest_message_finish(&message);
	guest_expect(guest, GUEST_DATA, "input");
	guest_expect(guest, GUEST_EOF, "");
	/* Output goes on after the input's end. */
	guest_send(guest, GUEST_DATA, "output");
	guest_send(guest, GUEST_DATA_ERR, "error");
	guest_exit(guest, 7);
}

TEST(streams_half_close_and_status)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	char text[64];
	int status = -1;

	CHECK(world_make(&world, play_echo));
	config = config_of(&world);
	CHECK_EQ(write(world.in[1], "input", 5), 5);
	(void)close(world.in[1]);
	world.in[1] = -1;
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 7);
	CHECK_STR(read_text(world.out[0], text, sizeof(text)), "output");
	CHECK_STR(read_text(world.err[0], text, sizeof(text)), "error");
	CHECK_EQ(world_finish(&world), 0);
}

static void play_killed(struct guest *guest)
{
	(void)guest_read(guest);
	guest_say(guest, &(struct guest_message){ .type = GUEST_EXIT, .signal = SIGKILL });
}

TEST(a_signal_is_128_and_its_number)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	int status = -1;

	CHECK(world_make(&world, play_killed));
	config = config_of(&world);
	config.in = -1;
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 137);
	CHECK_EQ(world_finish(&world), 0);
}

static void play_refusal(struct guest *guest)
{
	(void)guest_read(guest);
	guest_say(guest,
		  &(struct guest_message){ .type = GUEST_ERROR,
					   .error = ENOENT,
					   .text = (char *)(uintptr_t) "there is no 'cmd'" });
}

TEST(a_refusal_is_told)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	int status = -1;

	CHECK(world_make(&world, play_refusal));
	config = config_of(&world);
	CHECK_EQ(session_run(&config, &status, &err), -ENOENT);
	CHECK_STR(err.text, "there is no 'cmd'");
	CHECK_EQ(status, -1);
	CHECK_EQ(world_finish(&world), 0);
}

static void play_death(struct guest *guest)
{
	(void)guest_read(guest);
	guest_send(guest, GUEST_DATA, "last words");
}

TEST(a_dead_sandbox_ends_it_after_its_last_words)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	char text[64];
	int status = -1;

	CHECK(world_make(&world, play_death));
	config = config_of(&world);
	CHECK_EQ(session_run(&config, &status, &err), -ECONNRESET);
	CHECK(strstr(err.text, "the sandbox was stopped or failed") != NULL);
	CHECK_STR(read_text(world.out[0], text, sizeof(text)), "last words");
	CHECK_EQ(world_finish(&world), 0);
}

static void play_nonsense(struct guest *guest)
{
	(void)guest_read(guest);
	EXPECT(buf_append(&guest->stream.out, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 0);
	EXPECT(stream_write(&guest->stream, clock_now_ms() + PATIENCE_MS) == 0);
}

static void play_unexpected(struct guest *guest)
{
	(void)guest_read(guest);
	guest_say(guest, &(struct guest_message){ .type = GUEST_BUSY, .count = 1 });
}

TEST(a_hostile_guest_is_refused)
{
	static guest_fn *const plays[] = { play_nonsense, play_unexpected };

	for (size_t i = 0; i < countof(plays); i++) {
		struct world world;
		struct session_config config;
		struct err err = ERR_INIT;
		int status = -1;

		CHECK(world_make(&world, plays[i]));
		config = config_of(&world);
		CHECK_EQ(session_run(&config, &status, &err), -EPROTO);
		CHECK_EQ(world_finish(&world), 0);
	}
}

static void play_signals(struct guest *guest)
{
	(void)guest_read(guest);
	EXPECT(kill(getppid(), SIGINT) == 0);
	for (int i = 0; i < 2; i++) {
		struct guest_message message;
		struct frame frame = guest_read(guest);

		EXPECT(guest_message_decode(&frame, &message) == 0);
		EXPECT(message.type == GUEST_SIGNAL);
		EXPECT(message.signal == (i == 0 ? SIGINT : SIGTERM));
		guest_message_finish(&message);
		if (i == 0)
			EXPECT(kill(getppid(), SIGTERM) == 0);
	}
	guest_exit(guest, 3);
}

TEST(signals_go_to_the_command)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	int status = -1;

	CHECK(world_make(&world, play_signals));
	config = config_of(&world);
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 3);
	CHECK_EQ(world_finish(&world), 0);
}

static void play_deaf(struct guest *guest)
{
	(void)guest_read(guest);
	for (int i = 0; i < 3; i++) {
		struct frame frame;

		EXPECT(kill(getppid(), SIGINT) == 0);
		if (stream_read(&guest->stream, clock_now_ms() + PATIENCE_MS, &frame) != 1)
			return;
	}
}

static void play_timeout(struct guest *guest)
{
	struct frame frame = guest_read(guest);
	struct guest_message message;

	EXPECT(frame.type == GUEST_EXEC);
	frame = guest_read(guest);
	EXPECT(guest_message_decode(&frame, &message) == 0);
	EXPECT(message.type == GUEST_SIGNAL && message.signal == SIGTERM);
	guest_message_finish(&message);
	guest_send(guest, GUEST_DATA, "last words");
	guest_exit(guest, 0);
}

TEST(a_command_whose_time_is_up_is_asked_to_end)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	char text[32] = "";
	int status = -1;

	CHECK(world_make(&world, play_timeout));
	config = config_of(&world);
	config.in = -1;
	config.timeout_s = 1;
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, SESSION_TIMED_OUT);
	CHECK_EQ(read(world.out[0], text, sizeof(text) - 1), 10);
	CHECK_STR(text, "last words");
	CHECK_EQ(world_finish(&world), 0);
}

/* A time beyond all clocks does not wrap around to one that is up. */
TEST(a_command_may_have_all_the_time)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	int status = -1;

	CHECK(world_make(&world, play_signals));
	config = config_of(&world);
	config.timeout_s = UINT64_MAX;
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 3);
	CHECK_EQ(world_finish(&world), 0);
}

TEST(the_third_interrupt_ends_a_deaf_command)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	int status = -1;

	CHECK(world_make(&world, play_deaf));
	config = config_of(&world);
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 128 + SIGINT);
	CHECK_EQ(world_finish(&world), 0);
}

enum { FLOOD_FRAMES = 512 };

static void play_flood(struct guest *guest)
{
	static char payload[GUEST_DATA_MAX + 1];

	(void)guest_read(guest);
	memset(payload, 'x', GUEST_DATA_MAX);
	for (int i = 0; i < FLOOD_FRAMES; i++)
		guest_send(guest, GUEST_DATA, payload);
	guest_exit(guest, 0);
}

/* Reads slowly at first, then all; returns the bytes. */
static size_t drain_slowly(int fd)
{
	char bytes[8192];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, bytes, total < 65536 ? 100 : sizeof(bytes))) > 0)
		total += (size_t)n;
	return total;
}

TEST(sixteen_megabytes_to_a_slow_reader)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	int status = -1, reader_status;
	pid_t reader;

	CHECK(world_make(&world, play_flood));
	config = config_of(&world);
	config.in = -1;
	reader = fork();
	if (reader == 0) {
		(void)close(world.out[1]);
		_exit(drain_slowly(world.out[0]) == (size_t)FLOOD_FRAMES * GUEST_DATA_MAX ? 0 : 1);
	}
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 0);
	(void)close(world.out[1]);
	world.out[1] = -1;
	CHECK_EQ(waitpid(reader, &reader_status, 0), reader);
	CHECK_EQ(reader_status, 0);
	CHECK_EQ(world_finish(&world), 0);
}

TEST(nobody_reads_the_output)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	int status = -1, guest_status;

	CHECK(world_make(&world, play_flood));
	config = config_of(&world);
	config.in = -1;
	(void)close(world.out[0]);
	world.out[0] = -1;
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 128 + SIGPIPE);
	guest_status = world_finish(&world);
	CHECK_EQ(guest_status, GUEST_FAILED); /* it could not send all */
}

static void play_stopped_reader(struct guest *guest)
{
	struct pollfd poll_fd = { .fd = guest->stream.fd, .events = POLLIN };
	size_t total = 0;

	(void)guest_read(guest);
	EXPECT(poll(&poll_fd, 1, PATIENCE_MS) == 1);
	for (;;) {
		struct frame frame = guest_read(guest);

		if (frame.type == GUEST_EOF)
			break;
		total += frame.len;
	}
	EXPECT(total == 4 << 20);
	guest_exit(guest, 0);
}

TEST(four_megabytes_of_input)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	char name[] = "session-XXXXXX";
	int status = -1;
	autoclose int file = -1;

	CHECK(world_make(&world, play_stopped_reader));
	file = mkstemp(name);
	CHECK(file >= 0);
	(void)unlink(name);
	CHECK_EQ(ftruncate(file, 4 << 20), 0);
	config = config_of(&world);
	config.in = file;
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 0);
	CHECK_EQ(world_finish(&world), 0);
}

static void play_resize(struct guest *guest)
{
	struct guest_message message;
	struct frame frame = guest_read(guest);

	EXPECT(kill(getppid(), SIGWINCH) == 0);
	frame = guest_read(guest);
	EXPECT(guest_message_decode(&frame, &message) == 0);
	EXPECT(message.type == GUEST_RESIZE && message.rows == 20 && message.columns == 90);
	guest_message_finish(&message);
	guest_exit(guest, 0);
}

TEST(a_terminal_is_raw_meanwhile_and_its_size_follows)
{
	struct winsize size = { .ws_row = 20, .ws_col = 90 };
	struct termios before, after;
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	int status = -1, master, slave;

	CHECK_EQ(openpty(&master, &slave, NULL, NULL, &size), 0);
	CHECK_EQ(tcgetattr(slave, &before), 0);
	CHECK(world_make(&world, play_resize));
	config = config_of(&world);
	config.terminal = slave;
	config.raw = true;
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(tcgetattr(slave, &after), 0);
	CHECK_EQ(after.c_lflag, before.c_lflag);
	CHECK_EQ(world_finish(&world), 0);
	(void)close(master);
	(void)close(slave);
}

static void play_logs(struct guest *guest)
{
	(void)guest_read(guest);
	guest_send(guest, GUEST_DATA, "kept");
	guest_send(guest, GUEST_EOF, "");
}

TEST(logs_end_with_their_end)
{
	struct world world;
	struct session_config config;
	struct err err = ERR_INIT;
	char text[64];
	int status = -1;

	CHECK(world_make(&world, play_logs));
	config = config_of(&world);
	config.in = -1;
	config.forward_signals = false;
	CHECK_EQ(session_run(&config, &status, &err), 0);
	CHECK_EQ(status, 0);
	CHECK_STR(read_text(world.out[0], text, sizeof(text)), "kept");
	CHECK_EQ(world_finish(&world), 0);
}

TEST_MAIN()
