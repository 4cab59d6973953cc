#include "sbxd/share.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbxd/mounts.h"
#include "wire/fs.h"
#include "wire/stream.h"

void share_name(size_t index, char ret[SHARE_NAME_SIZE])
{
	(void)snprintf(ret, SHARE_NAME_SIZE, "m%zu", index % 1000000);
}

static int await_answer(int fd, uint64_t deadline_ms, struct err *err)
{
	struct fs_message answer;
	struct stream stream;
	struct frame frame;
	int r;

	stream_init(&stream, fd);
	r = stream_read(&stream, deadline_ms, &frame);
	if (r == 1)
		r = fs_message_decode(&frame, &answer);
	else if (r == 0)
		r = -ECONNRESET;
	stream_finish(&stream);
	if (r < 0)
		return err_set_errno(err, r, "sbx-fs does not answer");
	if (answer.type == FS_OK)
		return 0;
	return err_set(err, answer.error > 0 && answer.error < 4096 ? -(int)answer.error : -EIO,
		       "sbx-fs says: %s", answer.text);
}

/* Sends one request, with a descriptor when fd is not -1, and takes the answer. */
static int ask(const char *socket, const struct fs_message *message, int fd, uint64_t deadline_ms,
	       struct err *err)
{
	autoclose int connection = -1;
	struct buf bytes;
	ssize_t n = 0;
	int r = fd_connect_unix(socket, &connection);

	buf_init(&bytes, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	if (r == 0)
		r = fs_message_append(&bytes, message);
	if (r == 0)
		n = fd_send(connection, bytes.data, bytes.len, &fd, fd >= 0 ? 1 : 0);
	if (r == 0 && n != (ssize_t)bytes.len)
		r = n < 0 ? (int)n : -EMSGSIZE;
	buf_finish(&bytes);
	return r < 0 ? err_set_errno(err, r, "cannot reach sbx-fs")
		     : await_answer(connection, deadline_ms, err);
}

int share_add(const char *socket, const struct mount *mount, int fd, size_t index,
	      uint64_t deadline_ms, struct err *err)
{
	struct fs_message message = { .type = FS_MOUNT,
				      .flags = mount->read_only ? FS_FLAG_READ_ONLY : 0 };
	char name[SHARE_NAME_SIZE];

	share_name(index, name);
	(void)snprintf(message.name, sizeof(message.name), "%s", name);
	return ask(socket, &message, fd, deadline_ms, err);
}

int share_remove(const char *socket, size_t index, uint64_t deadline_ms, struct err *err)
{
	struct fs_message message = { .type = FS_UNMOUNT };
	char name[SHARE_NAME_SIZE];

	share_name(index, name);
	(void)snprintf(message.name, sizeof(message.name), "%s", name);
	return ask(socket, &message, -1, deadline_ms, err);
}
