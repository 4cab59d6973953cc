/* QEMU's -netdev stream: each frame behind its length, four bytes, big-endian. */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/fd.h"
#include "bench/net/link.h"

enum { PREFIX = 4, IN_SIZE = 1 << 20, OUT_SIZE = 1 << 18, ETHERNET_MTU = 1500 };

struct stream_link {
	struct link link;
	int fd;
	bool gone;
	size_t in_at, in_len, out_at, out_len;
	uint8_t in[IN_SIZE], out[OUT_SIZE];
	uint8_t frame[PREFIX + LINK_FRAME_MAX];
};

static struct stream_link *stream(struct link *link)
{
	return container_of(link, struct stream_link, link);
}

static uint8_t *stream_frame(struct link *base)
{
	struct stream_link *link = stream(base);

	if (sizeof(link->out) - link->out_len < PREFIX + 14 + ETHERNET_MTU)
		return NULL;
	return link->frame + PREFIX;
}

static void stream_send(struct link *base, size_t len, uint16_t segment)
{
	struct stream_link *link = stream(base);

	(void)segment;
	be32_store(link->frame, (uint32_t)len);
	memcpy(link->out + link->out_len, link->frame, PREFIX + len);
	link->out_len += PREFIX + len;
}

static void stream_flush(struct link *base)
{
	struct stream_link *link = stream(base);

	while (link->out_at < link->out_len) {
		ssize_t n = send(link->fd, link->out + link->out_at, link->out_len - link->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0)
			return;
		link->out_at += (size_t)n;
	}
	link->out_at = link->out_len = 0;
}

static void fill(struct stream_link *link)
{
	ssize_t n;

	memmove(link->in, link->in + link->in_at, link->in_len - link->in_at);
	link->in_len -= link->in_at;
	link->in_at = 0;
	n = recv(link->fd, link->in + link->in_len, sizeof(link->in) - link->in_len, MSG_DONTWAIT);
	if (n > 0)
		link->in_len += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		link->gone = true;
}

static bool has_frame(const struct stream_link *link)
{
	size_t left = link->in_len - link->in_at;

	return left >= PREFIX && left - PREFIX >= be32_load(link->in + link->in_at);
}

static const uint8_t *stream_receive(struct link *base, size_t *ret_len)
{
	struct stream_link *link = stream(base);
	const uint8_t *frame = link->in + link->in_at + PREFIX;

	if (!has_frame(link)) {
		fill(link);
		frame = link->in + PREFIX;
		if (!has_frame(link))
			return NULL;
	}
	*ret_len = be32_load(frame - PREFIX);
	link->in_at += PREFIX + *ret_len;
	return frame;
}

static bool stream_wait(struct link *base, int timeout_ms)
{
	struct stream_link *link = stream(base);
	struct pollfd there = { .fd = link->fd,
				.events = (short)(POLLIN | (link->out_len > 0 ? POLLOUT : 0)) };

	(void)poll(&there, 1, timeout_ms);
	stream_flush(base);
	return !link->gone;
}

static const struct link_impl impl = {
	.frame = stream_frame,
	.send = stream_send,
	.flush = stream_flush,
	.receive = stream_receive,
	.wait = stream_wait,
};

struct link *link_stream(const char *path)
{
	struct stream_link *link = calloc(1, sizeof(*link));

	if (link == NULL || fd_connect_unix(path, &link->fd) < 0)
		errx(1, "no backend at %s", path);
	link->link = (struct link){ .impl = &impl, .mtu = ETHERNET_MTU };
	return &link->link;
}
