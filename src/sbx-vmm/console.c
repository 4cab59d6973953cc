#include "sbx-vmm/console.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "sbx-vmm/serial.h"

static void drop_reader(struct console *console)
{
	int fd = console->reader.fd;

	if (fd < 0)
		return;
	serial_set_output(console->serial, -1);
	loop_remove(&console->reader);
	(void)close(fd);
}

/* What a reader types is thrown away: the console has no receiving half. */
static void reader_ready(struct loop_watch *watch, uint32_t events)
{
	struct console *console = container_of(watch, struct console, reader);
	char ignored[256];
	ssize_t n = recv(watch->fd, ignored, sizeof(ignored), MSG_DONTWAIT);

	(void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		drop_reader(console);
}

static void listen_ready(struct loop_watch *watch, uint32_t events)
{
	struct console *console = container_of(watch, struct console, listen);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	drop_reader(console);
	if (loop_add(console->loop, &console->reader, fd, EPOLLIN, reader_ready) < 0)
		(void)close(fd);
	else
		serial_set_output(console->serial, fd);
}

int console_init(struct console *console, struct loop *loop, int socket, struct serial *serial)
{
	*console = (struct console){
		.serial = serial, .loop = loop, .listen.fd = -1, .reader.fd = -1
	};
	return socket < 0 ? 0 : loop_add(loop, &console->listen, socket, EPOLLIN, listen_ready);
}

void console_finish(struct console *console)
{
	loop_remove(&console->listen);
	drop_reader(console);
}
