#include "wire/stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"

enum { IN_MAX = 2 * (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX), READ_CHUNK = 16384 };

void stream_init(struct stream *stream, int fd)
{
	*stream = (struct stream){ .fd = fd };
	buf_init(&stream->in, IN_MAX);
	buf_init(&stream->out, STREAM_OUT_MAX);
}

void stream_finish(struct stream *stream)
{
	if (stream == NULL)
		return;
	buf_finish(&stream->in);
	buf_finish(&stream->out);
	*stream = (struct stream){ .fd = -1 };
}

int stream_next(struct stream *stream, struct frame *ret)
{
	size_t left = stream->in.len - stream->taken;
	int n = left == 0 ? 0 : frame_parse(stream->in.data + stream->taken, left, ret);

	if (n <= 0)
		return n;
	stream->taken += (size_t)n;
	return 1;
}

/*
 * After stream_next() said 0 less than a frame is left, so one chunk always
 * fits; a caller that never takes frames gets -ENOBUFS.
 */
int stream_fill(struct stream *stream)
{
	ssize_t n;
	void *to;

	buf_consume(&stream->in, stream->taken);
	stream->taken = 0;
	if (stream->in.max - stream->in.len < READ_CHUNK)
		return -ENOBUFS;
	to = buf_reserve(&stream->in, READ_CHUNK);
	if (to == NULL)
		return -ENOMEM;
	do
		n = recv(stream->fd, to, READ_CHUNK, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	stream->in.len += (size_t)n;
	return n > 0;
}

size_t stream_unsent(const struct stream *stream)
{
	return stream->out.len - stream->sent;
}

int stream_flush(struct stream *stream)
{
	while (stream_unsent(stream) > 0) {
		ssize_t n = send(stream->fd, stream->out.data + stream->sent, stream_unsent(stream),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			buf_consume(&stream->out, stream->sent);
			stream->sent = 0;
			return -errno;
		}
		stream->sent += (size_t)n;
	}
	buf_clear(&stream->out);
	stream->sent = 0;
	return 0;
}

static int wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int timeout_ms = deadline_ms == STREAM_NEVER ? -1 : clock_left_ms(deadline_ms);
	int n = poll(&poll_fd, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n == 0 && timeout_ms >= 0 ? -ETIMEDOUT : 0;
}

int stream_read(struct stream *stream, uint64_t deadline_ms, struct frame *ret)
{
	for (;;) {
		int r = stream_next(stream, ret);

		if (r != 0)
			return r;
		r = stream_fill(stream);
		if (r == -EAGAIN)
			r = wait_for(stream->fd, POLLIN, deadline_ms);
		else if (r == 0)
			return stream->in.len > 0 ? -EPROTO : 0;
		if (r < 0)
			return r;
	}
}

int stream_write(struct stream *stream, uint64_t deadline_ms)
{
	for (;;) {
		int r = stream_flush(stream);

		if (r != -EAGAIN)
			return r;
		r = wait_for(stream->fd, POLLOUT, deadline_ms);
		if (r < 0)
			return r;
	}
}
