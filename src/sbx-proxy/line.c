#include "sbx-proxy/line.h"

#include <errno.h>
#include <string.h>

#include "http/codec.h"
#include "sbx-proxy/channel.h"

void line_init(struct line *line, struct channel *channel, struct http_codec *codec,
	       uint8_t *scratch)
{
	*line = (struct line){ .channel = channel, .codec = codec, .scratch = scratch };
	buf_init(&line->unread, LINE_STEP);
	buf_init(&line->unsent, LINE_STEP);
}

/* Heads with secrets pass through these. */
static void empty(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->cap);
	buf_finish(buf);
}

void line_finish(struct line *line)
{
	http_destroy(line->codec);
	line->codec = NULL;
	empty(&line->unread);
	empty(&line->unsent);
}

/* The codec said what it has to say about bytes it cannot believe. */
static void stop_reading(struct line *line)
{
	line->is_read_out = true;
	empty(&line->unread);
}

static bool feed_unread(struct line *line)
{
	ssize_t n = http_input(line->codec, line->unread.data, line->unread.len);

	if (n < 0) {
		stop_reading(line);
		return true;
	}
	buf_consume(&line->unread, (size_t)n);
	if (line->unread.len == 0)
		empty(&line->unread);
	return n > 0;
}

static bool receive(struct line *line)
{
	ssize_t len = channel_read(line->channel, line->scratch, LINE_STEP), n;

	if (len == -EAGAIN)
		return false;
	if (len <= 0) {
		line->is_broken = len < 0;
		line->is_read_out = true;
		http_input_end(line->codec);
		return true;
	}
	n = http_input(line->codec, line->scratch, (size_t)len);
	if (n < 0 || buf_append(&line->unread, line->scratch + n, (size_t)(len - n)) < 0)
		stop_reading(line);
	return true;
}

static bool move_in(struct line *line)
{
	if (line->is_read_out || line->is_broken)
		return false;
	return line->unread.len > 0 ? feed_unread(line) : receive(line);
}

/* 0 when all is gone, -EAGAIN, -errno. */
static int send_unsent(struct line *line)
{
	while (line->unsent.len > 0) {
		ssize_t n = channel_write(line->channel, line->unsent.data, line->unsent.len);

		if (n < 0)
			return (int)n;
		buf_consume(&line->unsent, (size_t)n);
	}
	empty(&line->unsent);
	return 0;
}

/* Some of len bytes of the scratch; the rest is kept. */
static int send_fresh(struct line *line, size_t len)
{
	ssize_t n = channel_write(line->channel, line->scratch, len);

	if (n == -EAGAIN)
		n = 0;
	else if (n < 0)
		return (int)n;
	if ((size_t)n == len)
		return 0;
	return buf_append(&line->unsent, line->scratch + n, len - (size_t)n);
}

bool line_flush(struct line *line)
{
	bool moved = false;
	int r = line->is_broken ? -EPIPE : send_unsent(line);

	while (r == 0 && line->unsent.len == 0 && http_wants_output(line->codec)) {
		size_t len = http_output(line->codec, line->scratch, LINE_STEP);

		moved = true;
		if (len > 0)
			r = send_fresh(line, len);
	}
	if (r < 0 && r != -EAGAIN && !line->is_broken) {
		line->is_broken = true;
		http_input_end(line->codec);
		return true;
	}
	return moved;
}

bool line_move(struct line *line)
{
	bool moved_in = move_in(line), moved_out = line_flush(line);

	return moved_in || moved_out;
}

bool line_is_over(const struct line *line)
{
	return line->is_broken || (http_is_done(line->codec) && line->unsent.len == 0 &&
				   !http_wants_output(line->codec));
}

void line_wait(struct line *line)
{
	channel_wait(line->channel, !line->is_read_out && line->unread.len == 0,
		     line->unsent.len > 0);
}
