#include "sbx-init/control.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

struct packet {
	int type;
	pid_t pid;
};

int control_pair(int *ret_read, int *ret_write)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = fd_set_nonblock(pair[0], true);
	if (r < 0) {
		(void)close(pair[0]);
		(void)close(pair[1]);
		return r;
	}
	*ret_read = pair[0];
	*ret_write = pair[1];
	return 0;
}

int control_send(int socket, enum control_type type, int fd)
{
	struct packet packet = { .type = type, .pid = getpid() };
	ssize_t n = fd_send(socket, &packet, sizeof(packet), &fd, fd >= 0 ? 1 : 0);

	return n < 0 ? (int)n : 0;
}

int control_receive(int socket, struct control *ret)
{
	struct packet packet;
	autoclose int fd = -1;
	size_t count = 1;
	ssize_t n = fd_recv(socket, &packet, sizeof(packet), &fd, &count);

	if (n == -EAGAIN || n == 0)
		return 0;
	if (n < 0)
		return (int)n;
	if (n != sizeof(packet) || (packet.type == CONTROL_WATCH) != (count == 1))
		return -EPROTO;
	*ret = (struct control){ .type = (enum control_type)packet.type,
				 .pid = packet.pid,
				 .fd = take_fd(&fd) };
	return 1;
}
