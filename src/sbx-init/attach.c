/*
 * One poll loop over five descriptors: the connection, the command's three
 * streams and its pidfd. What comes from one side waits in a buffer for the
 * other; a side is only read while its buffer has room, so that whoever is slow
 * slows the other and costs no memory.
 *
 * The command's end is its process's end. What it wrote before is still in the
 * pipes and is carried; what a child that it left behind may write later is not.
 */
#include "sbx-init/attach.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "sbx-init/command.h"
#include "sbx-init/keep.h"
#include "sbx-init/session.h"
#include "wire/guest.h"

enum {
	INPUT_MAX = 65536,		 /* bytes for the command's stdin that may wait */
	OUTPUT_MAX = 4 * GUEST_DATA_MAX, /* bytes for the host that may wait */
	DRAIN_MAX = 1 << 20,		 /* what a pipe can hold at its very largest */
	GRACE_MS = 5000,		 /* between hang-up and kill */
	END_OF_INPUT = 4,		 /* Ctrl-D, what a terminal calls the end */
};

/* Where output goes; -errno ends the carrying. */
typedef int output_fn(void *context, uint16_t type, const uint8_t *bytes, size_t len);

struct attach {
	struct session *session; /* weak */
	struct command *command; /* weak */
	struct buf input;	 /* for the command */
	bool input_ended;	 /* nothing more comes for it */
};

static void close_fd(int *fd)
{
	cleanup_close(fd);
	*fd = -1;
}

/* Moves one chunk; 1, 0 when nothing is there now, -errno of the sink. An ended stream is closed.
 */
static int carry_output(int *fd, uint16_t type, output_fn *output, void *context)
{
	uint8_t chunk[GUEST_DATA_MAX];
	ssize_t n;
	int r;

	if (*fd < 0)
		return 0;
	do
		n = read(*fd, chunk, sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	/* EIO: the last slave of the terminal was closed. */
	if (n <= 0) {
		close_fd(fd);
		return 0;
	}
	r = output(context, type, chunk, (size_t)n);
	return r < 0 ? r : 1;
}

/* Carries what the command left in its pipes. */
static int drain(struct command *command, output_fn *output, void *context)
{
	int r = 0;

	for (int i = 0; i < DRAIN_MAX / GUEST_DATA_MAX; i++) {
		int errors;

		r = carry_output(&command->output, GUEST_DATA, output, context);
		if (r < 0)
			break;
		errors = carry_output(&command->errors, GUEST_DATA_ERR, output, context);
		if (errors < 0)
			return errors;
		if (r == 0 && errors == 0)
			break;
	}
	return r < 0 ? r : 0;
}

static struct guest_message exit_message(int status)
{
	struct guest_message message = { .type = GUEST_EXIT };

	if (WIFSIGNALED(status)) {
		message.signal = (uint32_t)WTERMSIG(status);
	} else {
		message.status = (uint32_t)WEXITSTATUS(status);
		message.has_status = true;
	}
	return message;
}

/* Gives the command what waits for it; a command that closed its stdin wants nothing more. */
static void feed_input(struct attach *attach)
{
	struct command *command = attach->command;

	while (command->input >= 0 && attach->input.len > 0) {
		ssize_t n = write(command->input, attach->input.data, attach->input.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			close_fd(&command->input);
		else
			buf_consume(&attach->input, (size_t)n);
	}
	if (command->input < 0)
		buf_clear(&attach->input);
	else if (attach->input_ended)
		close_fd(&command->input);
}

static int end_input(struct attach *attach)
{
	const uint8_t end = END_OF_INPUT;

	if (attach->input_ended)
		return 0;
	attach->input_ended = true;
	return attach->command->tty ? buf_append(&attach->input, &end, 1) : 0;
}

static int take_message(struct attach *attach, const struct frame *frame)
{
	autocall(guest_message_finish) struct guest_message message = { 0 };
	int r = guest_message_decode(frame, &message);

	if (r < 0)
		return r;
	if (message.type == GUEST_EOF)
		return end_input(attach);
	/* Both may come too late for the process, which is nobody's fault. */
	if (message.type == GUEST_RESIZE)
		(void)command_resize(attach->command, message.rows, message.columns);
	else if (message.type == GUEST_SIGNAL)
		(void)command_signal(attach->command, (int)message.signal);
	else
		return -EPROTO;
	return 0;
}

/* Takes frames while the input has room. */
static int take_frames(struct attach *attach)
{
	struct frame frame;
	int r = 0;

	while (attach->input.len < INPUT_MAX) {
		r = stream_next(&attach->session->stream, &frame);
		if (r <= 0)
			break;
		if (frame.type != GUEST_DATA)
			r = take_message(attach, &frame);
		else if (attach->input_ended || attach->command->input < 0)
			r = 0;
		else
			r = buf_append(&attach->input, frame.payload, frame.len);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

/* Frames that were held back while the input was full must not wait for more to come. */
static int move_input(struct attach *attach)
{
	bool was_full;

	do {
		int r = take_frames(attach);

		if (r < 0)
			return r;
		was_full = attach->input.len >= INPUT_MAX;
		feed_input(attach);
	} while (was_full && attach->input.len < INPUT_MAX);
	return 0;
}

static int queue_output(void *context, uint16_t type, const uint8_t *bytes, size_t len)
{
	struct session *session = context;
	int r = frame_append(&session->stream.out, type, bytes, len);

	if (r == 0)
		r = stream_flush(&session->stream);
	/* Beyond the mark we wait here, so that draining needs no loop of its own. */
	if (r == -EAGAIN)
		r = stream_unsent(&session->stream) < OUTPUT_MAX
			    ? 0
			    : stream_write(&session->stream, STREAM_NEVER);
	return r;
}

enum { CONNECTION, INPUT, OUTPUT, ERRORS, END, WATCHED };

/* What to wait for now. poll() passes over negative descriptors. */
static void choose(const struct attach *attach, struct pollfd *fds)
{
	const struct stream *stream = &attach->session->stream;
	const struct command *command = attach->command;
	bool hear = attach->input.len < INPUT_MAX;
	bool speak = stream_unsent(stream) < OUTPUT_MAX;

	fds[CONNECTION] = (struct pollfd){ .fd = stream->fd, .events = POLLRDHUP };
	fds[CONNECTION].events |= (short)(hear ? POLLIN : 0);
	fds[CONNECTION].events |= (short)(stream_unsent(stream) > 0 ? POLLOUT : 0);
	fds[INPUT] = (struct pollfd){ .fd = attach->input.len > 0 ? command->input : -1,
				      .events = POLLOUT };
	fds[OUTPUT] = (struct pollfd){ .fd = speak ? command->output : -1, .events = POLLIN };
	fds[ERRORS] = (struct pollfd){ .fd = speak ? command->errors : -1, .events = POLLIN };
	fds[END] = (struct pollfd){ .fd = command->pidfd, .events = POLLIN };
}

/* The connection: -EPIPE when the host has gone. */
static int serve_connection(struct attach *attach, short events)
{
	struct stream *stream = &attach->session->stream;
	int r = 0;

	if ((events & POLLOUT) != 0)
		r = stream_flush(stream);
	if (r < 0 && r != -EAGAIN)
		return r;
	if (attach->input.len >= INPUT_MAX)
		return (events & (POLLRDHUP | POLLHUP | POLLERR)) != 0 ? -EPIPE : 0;
	if ((events & ~POLLOUT) == 0)
		return 0;
	r = stream_fill(stream);
	if (r == 0)
		return -EPIPE;
	return r < 0 && r != -EAGAIN ? r : 0;
}

/* Ready streams of the command. */
static int serve_command(struct attach *attach, const struct pollfd *fds)
{
	struct command *command = attach->command;
	int r = 0;

	if (fds[OUTPUT].revents != 0)
		r = carry_output(&command->output, GUEST_DATA, queue_output, attach->session);
	if (r >= 0 && fds[ERRORS].revents != 0)
		r = carry_output(&command->errors, GUEST_DATA_ERR, queue_output, attach->session);
	return r < 0 ? r : 0;
}

/* Until the command ends: 0, or -errno when the host is gone or speaks nonsense. */
static int carry(struct attach *attach)
{
	struct pollfd fds[WATCHED];
	int r = 0;

	for (;;) {
		r = move_input(attach);
		if (r < 0)
			return r;
		choose(attach, fds);
		if (poll(fds, WATCHED, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[CONNECTION].revents != 0)
			r = serve_connection(attach, fds[CONNECTION].revents);
		if (r == 0)
			r = serve_command(attach, fds);
		if (r < 0 || fds[END].revents != 0)
			return r;
	}
}

void attach_run(struct session *session, struct command *command)
{
	struct attach attach = { .session = session, .command = command };
	int r;

	/* Room for the mark, one whole frame above it, and the end of input. */
	buf_init(&attach.input, INPUT_MAX + FRAME_PAYLOAD_MAX + 1);
	r = carry(&attach);
	if (r < 0) {
		command_hang_up(command, GRACE_MS);
	} else {
		struct guest_message message = exit_message(command_wait(command));

		if (drain(command, queue_output, session) == 0)
			(void)session_send(session, &message);
	}
	buf_finish(&attach.input);
	command_finish(command);
}

static int keep_chunk(void *context, uint16_t type, const uint8_t *bytes, size_t len)
{
	keep_output(context, type, bytes, len);
	return 0;
}

void attach_keep(struct keep *keep, struct command *command)
{
	struct guest_message message;
	struct pollfd fds[WATCHED];

	do {
		fds[OUTPUT] = (struct pollfd){ .fd = command->output, .events = POLLIN };
		fds[ERRORS] = (struct pollfd){ .fd = command->errors, .events = POLLIN };
		fds[END] = (struct pollfd){ .fd = command->pidfd, .events = POLLIN };
		if (poll(fds + OUTPUT, WATCHED - OUTPUT, -1) < 0)
			continue;
		(void)carry_output(&command->output, GUEST_DATA, keep_chunk, keep);
		(void)carry_output(&command->errors, GUEST_DATA_ERR, keep_chunk, keep);
	} while (fds[END].revents == 0);
	message = exit_message(command_wait(command));
	(void)drain(command, keep_chunk, keep);
	keep_end(keep, &message);
	command_finish(command);
}
