#include "sbx/session.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "sbx/interrupt.h"
#include "wire/guest.h"
#include "wire/stream.h"

enum {
	WAITING_MAX = 4 * FRAME_PAYLOAD_MAX, /* output not written yet */
	WAITING_PAUSE = FRAME_PAYLOAD_MAX,   /* from here on no more is taken from the guest */
	UNSENT_PAUSE = 4 * GUEST_DATA_MAX,   /* input not sent yet: no more is read */
	INTERRUPTS_MAX = 3,
	/* What a pipe or terminal that poll() calls writable takes without blocking: PIPE_BUF. */
	WRITE_PROMISE = 4096,
	STATUS_SIGNAL = 128,
	MS_PER_S = 1000,
};

/* Output on its way to a descriptor. */
struct sink {
	int fd;		    /* weak */
	size_t promise;	    /* bytes that one write may have */
	struct buf waiting; /* from `done` on */
	size_t done;
};

enum session_state {
	SESSION_RUNNING,  /* all directions may move; an EXIT, an error or a signal moves it on */
	SESSION_DRAINING, /* `status` is known; what waits is written, nothing else happens */
	SESSION_ENDED,
};

struct session {
	const struct session_config *config;
	enum session_state state;
	struct stream stream;
	struct sink out, err_out;
	int signals; /* signalfd, or -1 */
	bool in_open;
	unsigned interrupts;
	uint64_t deadline_ms; /* of the command, then of its grace; 0: none */
	bool is_timed_out;
	int status;
	struct err *err;
};

enum { WAIT_SOCKET, WAIT_IN, WAIT_OUT, WAIT_ERR, WAIT_SIGNALS, WAIT_COUNT };

static size_t sink_left(const struct sink *sink)
{
	return sink->waiting.len - sink->done;
}

static void sink_init(struct sink *sink, int fd)
{
	struct stat st;
	bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	*sink = (struct sink){ .fd = fd, .promise = is_file ? WAITING_MAX : WRITE_PROMISE };
	buf_init(&sink->waiting, WAITING_MAX);
}

static void end_with(struct session *session, int status)
{
	session->status = session->is_timed_out ? SESSION_TIMED_OUT : status;
	session->state = SESSION_DRAINING;
}

/* Writes one piece. Nobody reading is an end, not a failure: 0, or -EIO with a sentence. */
static int sink_write(struct session *session, struct sink *sink)
{
	size_t len = min_of(sink_left(sink), sink->promise);
	ssize_t n = write(sink->fd, sink->waiting.data + sink->done, len);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0 && errno == EPIPE) {
		session->status = STATUS_SIGNAL + SIGPIPE;
		session->state = SESSION_ENDED;
		return 0;
	}
	if (n < 0)
		return err_set(session->err, -EIO, "cannot write the command's output: %s",
			       strerror(errno));
	sink->done += (size_t)n;
	if (sink_left(sink) == 0) {
		buf_clear(&sink->waiting);
		sink->done = 0;
	}
	return 0;
}

static int sink_add(struct session *session, struct sink *sink, const struct frame *frame)
{
	int r;

	buf_consume(&sink->waiting, sink->done);
	sink->done = 0;
	r = buf_append(&sink->waiting, frame->payload, frame->len);
	return r < 0 ? err_set(session->err, -EIO, "out of memory") : 0;
}

/* EXIT, EOF and ERROR, the last frames of a request. */
static int take_end(struct session *session, const struct guest_message *message)
{
	if (message->type == GUEST_EXIT) {
		end_with(session, message->has_status ? (int)(message->status & 0xff)
						      : (int)(STATUS_SIGNAL + message->signal));
		return 0;
	}
	if (message->type == GUEST_EOF) {
		end_with(session, 0);
		return 0;
	}
	if (message->type == GUEST_ERROR)
		return err_set(session->err, message->error > 0 ? -(int)message->error : -EIO, "%s",
			       message->text != NULL ? message->text : "the guest refused it");
	return err_set(session->err, -EPROTO, "the guest sent an unexpected answer (type %d)",
		       message->type);
}

static int take_frame(struct session *session, const struct frame *frame)
{
	struct guest_message message;
	int r;

	if (frame->type == GUEST_DATA)
		return sink_add(session, &session->out, frame);
	if (frame->type == GUEST_DATA_ERR)
		return sink_add(session, &session->err_out, frame);
	r = guest_message_decode(frame, &message);
	if (r < 0)
		return err_set(session->err, r, "the guest sent an answer that makes no sense");
	r = take_end(session, &message);
	guest_message_finish(&message);
	return r;
}

static bool is_congested(const struct session *session)
{
	return sink_left(&session->out) >= WAITING_PAUSE ||
	       sink_left(&session->err_out) >= WAITING_PAUSE;
}

/* Takes frames that were received, as long as their output has room. */
static int take_frames(struct session *session)
{
	while (session->state == SESSION_RUNNING && !is_congested(session)) {
		struct frame frame;
		int r = stream_next(&session->stream, &frame);

		if (r == 0)
			return 0;
		if (r < 0)
			return err_set(session->err, r, "the guest does not speak our protocol");
		r = take_frame(session, &frame);
		if (r < 0)
			return r;
	}
	return 0;
}

static int receive(struct session *session)
{
	int r = stream_fill(&session->stream);

	if (r == -EAGAIN || r > 0)
		return take_frames(session);
	return err_set(session->err, -ECONNRESET,
		       "the connection ended before the command did: the sandbox was stopped or "
		       "failed");
}

/* Queues a frame; small ones cannot fail but for memory. */
static int send_frame(struct session *session, enum guest_type type, const void *bytes, size_t len)
{
	int r = frame_append(&session->stream.out, (uint16_t)type, bytes, len);

	return r < 0 ? err_set(session->err, -EIO, "out of memory") : 0;
}

static int send_message(struct session *session, const struct guest_message *message)
{
	int r = guest_message_append(&session->stream.out, message);

	if (r == -EMSGSIZE)
		return err_set(session->err, -E2BIG,
			       "the command and its environment are longer than %d KiB; pass "
			       "more by stdin or in a file",
			       FRAME_PAYLOAD_MAX / 1024);
	return r < 0 ? err_set_errno(session->err, r, "cannot say this to the guest") : 0;
}

/* Reads a piece of the input and queues it; the end of the input is a frame too. */
static int take_input(struct session *session)
{
	char bytes[GUEST_DATA_MAX];
	ssize_t n = read(session->config->in, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n > 0)
		return send_frame(session, GUEST_DATA, bytes, (size_t)n);
	session->in_open = false;
	return send_frame(session, GUEST_EOF, NULL, 0);
}

static int send_size(struct session *session)
{
	struct guest_message message = { .type = GUEST_RESIZE };

	if (session->config->terminal < 0 ||
	    terminal_size(session->config->terminal, &message.rows, &message.columns) < 0)
		return 0;
	return send_message(session, &message);
}

static int take_signal(struct session *session)
{
	struct signalfd_siginfo info;
	struct guest_message message = { .type = GUEST_SIGNAL };

	if (read(session->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (info.ssi_signo == SIGWINCH)
		return send_size(session);
	if (++session->interrupts == INTERRUPTS_MAX) {
		session->status = (int)(STATUS_SIGNAL + info.ssi_signo);
		session->state = SESSION_ENDED;
		return 0;
	}
	message.signal = info.ssi_signo;
	return send_message(session, &message);
}

/* What can move now. A descriptor that waits for nothing is left out: poll() would report its
 * hang-up for ever. */
static void set_polls(const struct session *session, struct pollfd polls[WAIT_COUNT])
{
	bool running = session->state == SESSION_RUNNING;
	short socket_events = 0;

	for (size_t i = 0; i < WAIT_COUNT; i++)
		polls[i] = (struct pollfd){ .fd = -1 };
	if (running && !is_congested(session))
		socket_events |= POLLIN;
	if (running && stream_unsent(&session->stream) > 0)
		socket_events |= POLLOUT;
	if (socket_events != 0)
		polls[WAIT_SOCKET] = (struct pollfd){ session->stream.fd, socket_events, 0 };
	if (running && session->in_open && stream_unsent(&session->stream) < UNSENT_PAUSE)
		polls[WAIT_IN] = (struct pollfd){ session->config->in, POLLIN, 0 };
	if (sink_left(&session->out) > 0)
		polls[WAIT_OUT] = (struct pollfd){ session->out.fd, POLLOUT, 0 };
	if (sink_left(&session->err_out) > 0)
		polls[WAIT_ERR] = (struct pollfd){ session->err_out.fd, POLLOUT, 0 };
	if (session->signals >= 0)
		polls[WAIT_SIGNALS] = (struct pollfd){ session->signals, POLLIN, 0 };
}

/* Errors of sending are left to receive(), which finds what the guest said before it left. */
static int move(struct session *session, const struct pollfd polls[WAIT_COUNT])
{
	int r = 0;

	if (polls[WAIT_SIGNALS].revents != 0)
		r = take_signal(session);
	if (r == 0 && polls[WAIT_OUT].revents != 0)
		r = sink_write(session, &session->out);
	if (r == 0 && polls[WAIT_ERR].revents != 0)
		r = sink_write(session, &session->err_out);
	if (r == 0 && polls[WAIT_IN].revents != 0)
		r = take_input(session);
	if (r == 0 && session->state == SESSION_RUNNING)
		r = take_frames(session);
	if (r == 0 && session->state == SESSION_RUNNING && polls[WAIT_SOCKET].revents != 0)
		r = receive(session);
	if (r == 0 && session->state == SESSION_RUNNING)
		(void)stream_flush(&session->stream);
	return r;
}

static bool is_over(const struct session *session)
{
	return session->state == SESSION_ENDED ||
	       (session->state == SESSION_DRAINING && sink_left(&session->out) == 0 &&
		sink_left(&session->err_out) == 0);
}

/* Asks the command to end; when it was asked already, leaves it. */
static int take_timeout(struct session *session)
{
	const struct guest_message message = { .type = GUEST_SIGNAL, .signal = SIGTERM };

	if (session->is_timed_out) {
		session->status = SESSION_TIMED_OUT;
		session->state = SESSION_ENDED;
		return 0;
	}
	session->is_timed_out = true;
	session->deadline_ms = clock_now_ms() + SESSION_GRACE_S * MS_PER_S;
	return send_message(session, &message);
}

static bool is_late(const struct session *session)
{
	return session->state == SESSION_RUNNING && session->deadline_ms > 0 &&
	       clock_left_ms(session->deadline_ms) == 0;
}

static int wait_ms(const struct session *session)
{
	return session->state == SESSION_RUNNING && session->deadline_ms > 0
		       ? clock_left_ms(session->deadline_ms)
		       : -1;
}

static int run(struct session *session)
{
	int r = send_message(session, session->config->request);

	if (r == 0)
		(void)stream_flush(&session->stream);
	while (r == 0 && !is_over(session)) {
		struct pollfd polls[WAIT_COUNT];

		if (is_late(session)) {
			r = take_timeout(session);
			continue;
		}
		set_polls(session, polls);
		if (poll(polls, WAIT_COUNT, wait_ms(session)) >= 0)
			r = move(session, polls);
		else if (errno != EINTR)
			r = err_set_errno(session->err, -errno, "cannot wait");
	}
	return r;
}

/* What was received before a failure is still written, as far as it goes at once. */
static void drain(struct session *session)
{
	struct sink *sinks[] = { &session->out, &session->err_out };

	for (size_t i = 0; i < countof(sinks); i++) {
		struct err ignored = ERR_INIT;
		struct err *kept = session->err;
		struct pollfd poll_fd = { .fd = sinks[i]->fd, .events = POLLOUT };

		session->err = &ignored;
		while (sink_left(sinks[i]) > 0 && poll(&poll_fd, 1, 0) == 1 &&
		       poll_fd.revents == POLLOUT && sink_write(session, sinks[i]) == 0)
			;
		session->err = kept;
	}
}

struct signal_state {
	sigset_t mask;
	struct sigaction pipe;
};

static int hold_signals(struct session *session, struct signal_state *before)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t wanted;

	(void)sigemptyset(&wanted);
	(void)sigaction(SIGPIPE, &ignore, &before->pipe);
	if (session->config->forward_signals) {
		static const int forwarded[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGWINCH };

		for (size_t i = 0; i < countof(forwarded); i++)
			(void)sigaddset(&wanted, forwarded[i]);
		/* nohup(1): a lost terminal is nobody's business. */
		if (interrupt_is_ignored(SIGHUP))
			(void)sigdelset(&wanted, SIGHUP);
	}
	(void)sigprocmask(SIG_BLOCK, &wanted, &before->mask);
	if (!session->config->forward_signals)
		return 0;
	session->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	return session->signals >= 0
		       ? 0
		       : err_set_errno(session->err, -errno, "cannot receive signals");
}

static void release_signals(struct session *session, const struct signal_state *before)
{
	if (session->signals >= 0)
		(void)close(session->signals);
	(void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
	(void)sigaction(SIGPIPE, &before->pipe, NULL);
}

int session_run(const struct session_config *config, int *ret_status, struct err *err)
{
	struct session session = {
		.config = config, .signals = -1, .in_open = config->in >= 0, .err = err
	};
	struct signal_state before;
	int r;

	if (config->timeout_s > 0)
		session.deadline_ms =
			clock_now_ms() + min_of(config->timeout_s, (uint64_t)INT_MAX) * MS_PER_S;
	stream_init(&session.stream, config->socket);
	sink_init(&session.out, config->out);
	sink_init(&session.err_out, config->err);
	r = hold_signals(&session, &before);
	if (r == 0 && config->raw)
		(void)terminal_make_raw(config->terminal);
	if (r == 0)
		r = run(&session);
	if (r < 0)
		drain(&session);
	terminal_restore();
	release_signals(&session, &before);
	stream_finish(&session.stream);
	buf_finish(&session.out.waiting);
	buf_finish(&session.err_out.waiting);
	if (r == 0)
		*ret_status = session.status;
	return r;
}
