#include "sbx-fs/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "sbx-fs/device.h"
#include "wire/fs.h"

enum { READ_SIZE = 2048 };

static void drop_passed(struct control *control)
{
	if (control->passed >= 0)
		(void)close(take_fd(&control->passed));
}

static void disconnect(struct control *control)
{
	int fd = control->connection.fd;

	if (control->connection.loop == NULL)
		return;
	loop_remove(&control->connection);
	(void)close(fd);
	drop_passed(control);
	buf_clear(&control->in);
}

static const char *sentence(int code)
{
	switch (code) {
	case -EEXIST:
		return "a mount of this name exists";
	case -ENOENT:
		return "there is no mount of this name";
	case -ENOSPC:
		return "this sandbox has as many mounts as it can have";
	case -EINVAL:
		return "only folders and regular files can be mounted";
	case -EBADF:
		return "the request came without a descriptor";
	default:
		return strerror(-code);
	}
}

/* A reply is short, so it fits; a supervisor that is gone is no signal that ends this process. */
static int reply(struct control *control, int code)
{
	struct fs_message message = { .type = code == 0 ? FS_OK : FS_ERROR };
	struct buf out;
	int r;

	if (code < 0) {
		message.error = (uint32_t)-code;
		(void)snprintf(message.text, sizeof(message.text), "%s", sentence(code));
	}
	buf_init(&out, CONTROL_BUFFER_MAX);
	r = fs_message_append(&out, &message);
	if (r == 0)
		r = (int)fd_send(control->connection.fd, out.data, out.len, NULL, 0);
	buf_finish(&out);
	return r < 0 ? r : 0;
}

static int serve(struct control *control, const struct fs_message *message)
{
	struct fs *fs = control->device->fs;

	switch (message->type) {
	case FS_MOUNT:
		if (control->passed < 0)
			return -EBADF;
		return fs_mount(fs, message->name, take_fd(&control->passed),
				(message->flags & FS_FLAG_READ_ONLY) != 0);
	case FS_UNMOUNT:
		return fs_unmount(fs, message->name);
	case FS_OK:
	case FS_ERROR:
		break;
	}
	return -EPROTO;
}

/* Serves the whole frames received so far; -errno ends the connection. */
static int serve_received(struct control *control)
{
	struct fs_message message;
	struct frame frame;
	int taken, r;

	while ((taken = frame_parse(control->in.data, control->in.len, &frame)) > 0) {
		r = fs_message_decode(&frame, &message);
		if (r < 0)
			return r;
		r = serve(control, &message);
		if (r == -EPROTO)
			return r;
		drop_passed(control);
		buf_consume(&control->in, (size_t)taken);
		device_pump(control->device);
		r = reply(control, r);
		if (r < 0)
			return r;
	}
	return taken;
}

static int receive(struct control *control)
{
	uint8_t *to = buf_reserve(&control->in, READ_SIZE);
	size_t count = 1;
	int passed;
	ssize_t n;

	if (to == NULL)
		return -ENOBUFS;
	n = fd_recv(control->connection.fd, to, READ_SIZE, &passed, &count);
	if (n <= 0)
		return n == 0 ? -EPIPE : (int)n;
	if (count > 0) {
		drop_passed(control);
		control->passed = passed;
	}
	control->in.len += (size_t)n;
	return 0;
}

static void received(struct loop_watch *watch, uint32_t events)
{
	struct control *control = container_of(watch, struct control, connection);
	int r = receive(control);

	(void)events;
	if (r == 0)
		r = serve_received(control);
	if (r < 0 && r != -EAGAIN)
		disconnect(control);
}

static void accepted(struct loop_watch *watch, uint32_t events)
{
	struct control *control = container_of(watch, struct control, listener);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	disconnect(control);
	if (loop_add(control->loop, &control->connection, fd, EPOLLIN, received) < 0)
		(void)close(fd);
}

int control_start(struct control *control, struct loop *loop, struct device *device, int socket)
{
	*control = (struct control){
		.loop = loop,
		.device = device,
		.listener.fd = -1,
		.connection.fd = -1,
		.passed = -1,
	};
	buf_init(&control->in, CONTROL_BUFFER_MAX);
	return loop_add(loop, &control->listener, socket, EPOLLIN, accepted);
}

void control_finish(struct control *control)
{
	int fd = control->listener.fd;

	disconnect(control);
	loop_remove(&control->listener);
	if (fd >= 0)
		(void)close(fd);
	buf_finish(&control->in);
}
