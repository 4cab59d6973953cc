#include "sbx/transfer.h"

#include <errno.h>
#include <poll.h>

#include "app/terminal.h"
#include "base/check.h"
#include "base/clock.h"
#include "wire/guest.h"

enum { IDLE_TIMEOUT_MS = 60000 };

static int check_interrupt(const struct transfer *transfer, struct err *err)
{
	return transfer->interrupted != NULL && transfer->interrupted()
		       ? err_set(err, -EINTR, "interrupted")
		       : 0;
}

static int wait_ready(const struct transfer *transfer, short events, struct err *err)
{
	uint64_t deadline_ms = clock_now_ms() + IDLE_TIMEOUT_MS;

	for (;;) {
		struct pollfd poll_fd = { .fd = transfer->stream.fd, .events = events };
		int left = clock_left_ms(deadline_ms);
		int n = poll(&poll_fd, 1, min_of(left, (int)PROGRESS_TICK_MS));

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set_errno(err, -errno, "cannot wait for the sandbox");
		if (check_interrupt(transfer, err) < 0)
			return err->code;
		if (left == 0)
			return err_set(err, -ETIMEDOUT,
				       "the sandbox stopped answering; see 'sbx logs --console'");
		progress_tick(transfer->progress);
	}
}

/* The next frame: 1, or -errno. */
static int receive_frame(struct transfer *transfer, struct frame *ret, struct err *err)
{
	if (check_interrupt(transfer, err) < 0)
		return err->code;
	for (;;) {
		int r = stream_next(&transfer->stream, ret);

		if (r > 0)
			return r;
		if (r == 0)
			r = stream_fill(&transfer->stream);
		if (r == -EAGAIN)
			r = wait_ready(transfer, POLLIN, err) < 0 ? err->code : 1;
		else if (r == -EPROTO)
			return err_set(err, r, "the guest does not speak our protocol");
		else if (r <= 0)
			return err_set(err, -ECONNRESET,
				       "the connection ended before the copy did: the sandbox was "
				       "stopped or failed");
		if (r < 0)
			return r;
	}
}

/* Decodes the frame that ends a request: its type, or -errno of the guest's own refusal. */
static int take_answer(const struct frame *frame, struct err *err)
{
	struct guest_message message;
	int r = guest_message_decode(frame, &message);

	if (r < 0)
		return err_set(err, r, "the guest sent an answer that makes no sense");
	if (message.type == GUEST_ERROR)
		r = err_set(err, message.error > 0 ? -(int)message.error : -EIO, "%s",
			    message.text != NULL ? message.text : "the guest refused it");
	else
		r = (int)message.type;
	guest_message_finish(&message);
	return r;
}

/* The answer to a PUSH. */
static int receive_ok(struct transfer *transfer, struct err *err)
{
	struct frame frame;
	int r = receive_frame(transfer, &frame, err);

	if (r > 0)
		r = take_answer(&frame, err);
	if (r < 0)
		return r;
	return r == GUEST_OK ? 0 : err_set(err, -EPROTO, "the guest sent an unexpected answer");
}

/* Sends all that is queued. An answer that comes before the end is a refusal. */
static int flush(struct transfer *transfer, struct err *err)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = transfer->stream.fd, .events = POLLIN };
		int r = stream_flush(&transfer->stream);

		if (r == 0)
			return 0;
		if (r == -EAGAIN && wait_ready(transfer, POLLIN | POLLOUT, err) < 0)
			return err->code;
		if (r != -EAGAIN || poll(&poll_fd, 1, 0) > 0) {
			r = receive_ok(transfer, err);
			return r < 0 ? r : err_set(err, -EPROTO, "the guest answered too early");
		}
	}
}

int transfer_begin(struct transfer *transfer, int socket, struct progress *progress,
		   const struct guest_message *request, struct err *err)
{
	int r;

	stream_init(&transfer->stream, socket);
	transfer->progress = progress;
	transfer->interrupted = NULL;
	r = guest_message_append(&transfer->stream.out, request);
	if (r < 0)
		return err_set_errno(err, r, "cannot say this to the guest");
	return flush(transfer, err);
}

void transfer_finish(struct transfer *transfer)
{
	stream_finish(&transfer->stream);
}

int transfer_send(struct transfer *transfer, const void *bytes, size_t len, struct err *err)
{
	const uint8_t *cursor = bytes;
	int r = 0;

	while (r == 0 && len > 0) {
		size_t n = min_of(len, (size_t)GUEST_DATA_MAX);

		if (frame_append(&transfer->stream.out, GUEST_DATA, cursor, n) < 0)
			return err_set(err, -ENOMEM, "out of memory");
		r = flush(transfer, err);
		cursor += n;
		len -= n;
	}
	return r;
}

int transfer_send_end(struct transfer *transfer, struct err *err)
{
	int r;

	if (frame_append(&transfer->stream.out, GUEST_EOF, NULL, 0) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = flush(transfer, err);
	return r < 0 ? r : receive_ok(transfer, err);
}

int transfer_receive(struct transfer *transfer, const uint8_t **ret_bytes, size_t *ret_len,
		     struct err *err)
{
	struct frame frame;
	int r = receive_frame(transfer, &frame, err);

	if (r < 0)
		return r;
	if (frame.type != GUEST_DATA) {
		r = take_answer(&frame, err);
		if (r < 0 || r == GUEST_EOF)
			return r < 0 ? r : 0;
		return err_set(err, -EPROTO, "the guest sent an unexpected answer");
	}
	*ret_bytes = frame.payload;
	*ret_len = frame.len;
	return 1;
}
