#include "vhost/channel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

int vhost_channel_init(struct vhost_channel *channel, int socket)
{
	int r = fd_set_nonblock(socket, true);

	if (r < 0)
		return r;
	*channel = (struct vhost_channel){ .socket = socket };
	return 0;
}

void vhost_channel_finish(struct vhost_channel *channel)
{
	vhost_channel_next(channel);
	if (channel->socket >= 0)
		(void)close(channel->socket);
	channel->socket = -1;
}

void vhost_channel_next(struct vhost_channel *channel)
{
	for (size_t i = 0; i < channel->fds_count; i++)
		(void)close(channel->fds[i]);
	channel->fds_count = 0;
	channel->have = 0;
}

int vhost_channel_take_fd(struct vhost_channel *channel)
{
	int fd;

	if (channel->fds_count == 0)
		return -1;
	fd = channel->fds[0];
	channel->fds_count--;
	memmove(channel->fds, channel->fds + 1, channel->fds_count * sizeof(channel->fds[0]));
	return fd;
}

/* Bytes the message needs, as far as they are known. */
static size_t wanted(const struct vhost_channel *channel)
{
	if (channel->have < VHOST_HEADER_SIZE)
		return VHOST_HEADER_SIZE;
	return VHOST_HEADER_SIZE + channel->header.size;
}

int vhost_channel_receive(struct vhost_channel *channel)
{
	while (channel->have < wanted(channel)) {
		size_t fds = VHOST_MEMORY_MAX - channel->fds_count;
		ssize_t n = fd_recv(channel->socket, channel->bytes + channel->have,
				    wanted(channel) - channel->have,
				    channel->fds + channel->fds_count, &fds);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		if (n == 0)
			return -EPIPE;
		channel->fds_count += fds;
		channel->have += (size_t)n;
		if (channel->have == VHOST_HEADER_SIZE) {
			int r = vhost_header_decode(channel->bytes, &channel->header);

			if (r < 0)
				return r;
		}
	}
	return 1;
}

int vhost_channel_send(struct vhost_channel *channel, const struct vhost_message *message,
		       enum vhost_payload kind, const int *fds, size_t count)
{
	uint8_t bytes[VHOST_MESSAGE_MAX];
	size_t len = vhost_message_encode(message, kind, bytes);
	ssize_t n = fd_send(channel->socket, bytes, len, fds, count);

	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EAGAIN;
}
