#include "sbx-net/socket.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { ANY_PORT = 9 }; /* discard; nothing is sent there */

int socket_connect(const struct endpoint *to, int type, int *ret)
{
	int family = to->address.family == ADDRESS_V4 ? AF_INET : AF_INET6;
	autoclose int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(to, &address);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS)
		return -errno;
	*ret = take_fd(&fd);
	return 0;
}

int socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

bool socket_peek_at(int fd, size_t offset)
{
	int at = (int)offset;

	return offset <= INT_MAX && setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &at, sizeof(at)) == 0;
}

void socket_reset_at_close(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

bool socket_reaches(const struct address *address)
{
	const struct endpoint to = { .address = *address, .port = ANY_PORT };
	autoclose int fd = -1;
	int r = socket_connect(&to, SOCK_DGRAM, &fd);

	return r != -ENETUNREACH && r != -EHOSTUNREACH && r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL;
}
