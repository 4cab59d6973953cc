#include "sbx-proxy/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "tls/endpoint.h"

enum { BEFORE_MAX = 2 * CLIENT_HELLO_BYTES_MAX };

static void stirred(struct loop_watch *watch, uint32_t events)
{
	struct channel *channel = container_of(watch, struct channel, watch);

	(void)events;
	channel->ready(channel);
}

void channel_init(struct channel *channel, struct loop *loop,
		  void (*ready)(struct channel *channel))
{
	*channel = (struct channel){ .fd = -1, .loop = loop, .ready = ready };
	buf_init(&channel->before, BEFORE_MAX);
}

void channel_finish(struct channel *channel)
{
	loop_remove(&channel->watch);
	channel->events = 0;
	tls_destroy(channel->tls);
	channel->tls = NULL;
	buf_finish(&channel->before);
	channel->taken = 0;
	if (channel->fd >= 0)
		(void)close(take_fd(&channel->fd));
}

bool channel_is_open(const struct channel *channel)
{
	return channel->fd >= 0;
}

void channel_open(struct channel *channel, int fd)
{
	channel->fd = fd;
}

int channel_put_back(struct channel *channel, const uint8_t *bytes, size_t len)
{
	buf_clear(&channel->before);
	channel->taken = 0;
	return buf_append(&channel->before, bytes, len);
}

/* The memory goes with the last byte: a connection reads such bytes once. */
static ssize_t read_before(struct channel *channel, void *to, size_t room)
{
	size_t left = channel->before.len - channel->taken;
	size_t len = left < room ? left : room;

	memcpy(to, channel->before.data + channel->taken, len);
	channel->taken += len;
	if (channel->taken == channel->before.len) {
		explicit_bzero(channel->before.data, channel->before.len);
		buf_finish(&channel->before);
		channel->taken = 0;
	}
	return (ssize_t)len;
}

static ssize_t read_plain(struct channel *channel, void *to, size_t room)
{
	ssize_t n;

	if (channel->taken < channel->before.len)
		return read_before(channel, to, room);
	do
		n = recv(channel->fd, to, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t write_plain(struct channel *channel, const void *from, size_t len)
{
	ssize_t n;

	do
		n = send(channel->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t io_receive(void *owner, void *to, size_t room)
{
	return read_plain(owner, to, room);
}

static ssize_t io_send(void *owner, const void *from, size_t len)
{
	return write_plain(owner, from, len);
}

static const struct tls_io io = { .receive = io_receive, .send = io_send };

int channel_accept_tls(struct channel *channel, struct leaves *leaves, const char *name,
		       unsigned alpn)
{
	return tls_accept(
		leaves,
		&(struct tls_config){ .name = name, .alpn = alpn, .io = &io, .owner = channel },
		&channel->tls);
}

int channel_connect_tls(struct channel *channel, struct trust *trust, const char *name,
			unsigned alpn)
{
	return tls_connect(
		trust,
		&(struct tls_config){ .name = name, .alpn = alpn, .io = &io, .owner = channel },
		&channel->tls);
}

int channel_handshake(struct channel *channel)
{
	return channel->tls == NULL ? 1 : tls_handshake(channel->tls);
}

ssize_t channel_read(struct channel *channel, void *to, size_t room)
{
	if (channel->tls != NULL)
		return tls_read(channel->tls, to, room);
	return read_plain(channel, to, room);
}

ssize_t channel_write(struct channel *channel, const void *from, size_t len)
{
	if (channel->tls != NULL)
		return tls_write(channel->tls, from, len);
	return write_plain(channel, from, len);
}

/* What of close_notify does not fit is lost: the socket's end says the same. */
void channel_end_write(struct channel *channel)
{
	if (channel->tls != NULL)
		(void)tls_close(channel->tls);
	(void)shutdown(channel->fd, SHUT_WR);
}

/*
 * TLS may have to write before it can read, and the reverse, while it shakes hands.
 * Asks only: a step of the handshake from here would take bytes that nobody waits for.
 */
static uint32_t wanted(const struct channel *channel, bool to_read, bool to_write)
{
	if (!to_read && !to_write)
		return 0;
	if (channel->tls != NULL && tls_is_shaking(channel->tls))
		return tls_wants_write(channel->tls) ? EPOLLOUT : EPOLLIN;
	return (to_read ? (uint32_t)EPOLLIN : 0) | (to_write ? (uint32_t)EPOLLOUT : 0);
}

void channel_wait(struct channel *channel, bool to_read, bool to_write)
{
	uint32_t events = channel->fd < 0 ? 0 : wanted(channel, to_read, to_write);
	int r = 0;

	if (events == channel->events)
		return;
	if (events == 0)
		loop_remove(&channel->watch);
	else if (channel->events == 0)
		r = loop_add(channel->loop, &channel->watch, channel->fd, events, stirred);
	else
		r = loop_change(&channel->watch, events);
	/* Without memory for a watch the patience of the owner ends the connection. */
	channel->events = r < 0 ? 0 : events;
}

const char *channel_failure(const struct channel *channel)
{
	return channel->tls == NULL ? NULL : tls_failure(channel->tls);
}
