/* Archives to and from a child that plays the guest. */
#include "sbx/transfer.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/clock.h"
#include "base/fd.h"
#include "tests/unit/test.h"
#include "wire/guest.h"

enum { PATIENCE_MS = 30000, BULK = 8 << 20, PIECE = 100000 };

typedef void guest_fn(struct stream *stream);

static uint64_t deadline(void)
{
	return clock_now_ms() + PATIENCE_MS;
}

static void say(struct stream *stream, const struct guest_message *message)
{
	if (guest_message_append(&stream->out, message) < 0 || stream_write(stream, deadline()) < 0)
		_exit(1);
}

/* Reads frames up to and with one of this type; returns the bytes of DATA before it. */
static size_t read_until(struct stream *stream, enum guest_type type)
{
	struct frame frame;
	size_t total = 0;

	do {
		if (stream_read(stream, deadline(), &frame) != 1)
			_exit(2);
		total += frame.type == GUEST_DATA ? frame.len : 0;
	} while (frame.type != (uint16_t)type);
	return total;
}

struct world {
	int socket;
	pid_t child;
};

static bool world_make(struct world *world, guest_fn *play)
{
	int pair[2];

	if (fd_socketpair(pair) < 0)
		return false;
	(void)fflush(stdout);
	world->socket = pair[0];
	world->child = fork();
	if (world->child == 0) {
		struct stream stream;

		(void)close(pair[0]);
		stream_init(&stream, pair[1]);
		play(&stream);
		_exit(0);
	}
	(void)close(pair[1]);
	return world->child > 0;
}

static int world_finish(struct world *world)
{
	int status = -1;

	(void)close(world->socket);
	(void)waitpid(world->child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const struct guest_message push = { .type = GUEST_PUSH,
					   .target = (char *)(uintptr_t) "/tmp/x" };
static const struct guest_message pull = { .type = GUEST_PULL,
					   .source = (char *)(uintptr_t) "/tmp/x" };

/* Sends BULK bytes as an archive; the first failure ends it. */
static int send_bulk(struct transfer *transfer, struct err *err)
{
	static const uint8_t piece[PIECE];
	int r = 0;

	for (size_t done = 0; r == 0 && done < BULK; done += PIECE)
		r = transfer_send(transfer, piece, PIECE, err);
	return r < 0 ? r : transfer_send_end(transfer, err);
}

static void play_taker(struct stream *stream)
{
	size_t total;

	(void)read_until(stream, GUEST_PUSH);
	total = read_until(stream, GUEST_EOF);
	if (total < BULK)
		_exit(3);
	say(stream, &(struct guest_message){ .type = GUEST_OK });
}

TEST(a_push_is_taken)
{
	struct world world;
	struct transfer transfer;
	struct progress progress;
	struct err err = ERR_INIT;

	progress_init(&progress, true);
	CHECK(world_make(&world, play_taker));
	CHECK_EQ(transfer_begin(&transfer, world.socket, &progress, &push, &err), 0);
	CHECK_EQ(send_bulk(&transfer, &err), 0);
	transfer_finish(&transfer);
	CHECK_EQ(world_finish(&world), 0);
}

/* Refuses at once and reads no more, as a full disk would make it. */
static void play_refuser(struct stream *stream)
{
	char byte;

	(void)read_until(stream, GUEST_PUSH);
	say(stream, &(struct guest_message){ .type = GUEST_ERROR,
					     .error = ENOSPC,
					     .text = (char *)(uintptr_t) "no space" });
	while (read(stream->fd, &byte, 1) > 0)
		;
}

/* The same, but gone. */
static void play_leaver(struct stream *stream)
{
	(void)read_until(stream, GUEST_PUSH);
	say(stream, &(struct guest_message){ .type = GUEST_ERROR,
					     .error = ENOSPC,
					     .text = (char *)(uintptr_t) "no space" });
}

TEST(a_refusal_ends_a_push_early)
{
	static guest_fn *const plays[] = { play_refuser, play_leaver };

	for (size_t i = 0; i < 2; i++) {
		struct world world;
		struct transfer transfer;
		struct progress progress;
		struct err err = ERR_INIT;

		progress_init(&progress, true);
		CHECK(world_make(&world, plays[i]));
		CHECK_EQ(transfer_begin(&transfer, world.socket, &progress, &push, &err), 0);
		CHECK_EQ(send_bulk(&transfer, &err), -ENOSPC);
		CHECK_STR(err.text, "no space");
		transfer_finish(&transfer);
		CHECK_EQ(world_finish(&world), 0);
	}
}

static void play_giver(struct stream *stream)
{
	(void)read_until(stream, GUEST_PULL);
	for (int i = 0; i < 3; i++) {
		if (frame_append(&stream->out, GUEST_DATA, "abc", 3) < 0)
			_exit(1);
	}
	say(stream, &(struct guest_message){ .type = GUEST_EOF });
}

static void play_dead(struct stream *stream)
{
	(void)read_until(stream, GUEST_PULL);
	if (frame_append(&stream->out, GUEST_DATA, "abc", 3) < 0 ||
	    stream_write(stream, deadline()) < 0)
		_exit(1);
}

static void play_missing(struct stream *stream)
{
	(void)read_until(stream, GUEST_PULL);
	say(stream, &(struct guest_message){ .type = GUEST_ERROR,
					     .error = ENOENT,
					     .text = (char *)(uintptr_t) "no '/tmp/x'" });
}

static void play_confused(struct stream *stream)
{
	(void)read_until(stream, GUEST_PULL);
	say(stream, &(struct guest_message){ .type = GUEST_BUSY, .count = 1 });
}

TEST(pulls_and_their_ends)
{
	static const struct {
		guest_fn *play;
		int result;
		size_t bytes;
	} cases[] = {
		{ play_giver, 0, 9 },
		{ play_dead, -ECONNRESET, 3 },
		{ play_missing, -ENOENT, 0 },
		{ play_confused, -EPROTO, 0 },
	};

	for (size_t i = 0; i < 4; i++) {
		struct world world;
		struct transfer transfer;
		struct progress progress;
		struct err err = ERR_INIT;
		const uint8_t *bytes;
		size_t len, total = 0;
		int r;

		progress_init(&progress, true);
		CHECK(world_make(&world, cases[i].play));
		CHECK_EQ(transfer_begin(&transfer, world.socket, &progress, &pull, &err), 0);
		while ((r = transfer_receive(&transfer, &bytes, &len, &err)) > 0)
			total += len;
		CHECK_EQ(r, cases[i].result);
		CHECK_EQ(total, cases[i].bytes);
		transfer_finish(&transfer);
		CHECK_EQ(world_finish(&world), 0);
	}
}

/* Gives without end. */
static void play_fountain(struct stream *stream)
{
	static const char bytes[GUEST_DATA_MAX];

	(void)read_until(stream, GUEST_PULL);
	while (frame_append(&stream->out, GUEST_DATA, bytes, sizeof(bytes)) == 0 &&
	       stream_write(stream, deadline()) == 0)
		;
}

/* Gives nothing. */
static void play_silent(struct stream *stream)
{
	char byte;

	(void)read_until(stream, GUEST_PULL);
	while (read(stream->fd, &byte, 1) > 0)
		;
}

static unsigned questions;

static bool at_the_third_question(void)
{
	return ++questions >= 3;
}

TEST(a_pull_can_be_interrupted)
{
	static guest_fn *const plays[] = { play_fountain, play_silent };

	for (size_t i = 0; i < 2; i++) {
		struct world world;
		struct transfer transfer;
		struct progress progress;
		struct err err = ERR_INIT;
		const uint8_t *bytes;
		size_t len;
		int r;

		questions = 0;
		progress_init(&progress, true);
		CHECK(world_make(&world, plays[i]));
		CHECK_EQ(transfer_begin(&transfer, world.socket, &progress, &pull, &err), 0);
		transfer.interrupted = at_the_third_question;
		while ((r = transfer_receive(&transfer, &bytes, &len, &err)) > 0)
			;
		CHECK_EQ(r, -EINTR);
		transfer_finish(&transfer);
		CHECK_EQ(world_finish(&world), 0);
	}
}

TEST_MAIN()
