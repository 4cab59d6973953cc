#include "sbxd/guest_command.h"

#include <errno.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/guest.h"
#include "sbxd/tail.h"
#include "wire/stream.h"

static int cannot_send(int r, struct err *err)
{
	return err_set_errno(err, r, "cannot send to the guest");
}

static int append_input(struct buf *out, const char *input, size_t len)
{
	const struct guest_message end = { .type = GUEST_EOF };
	int r = 0;

	while (r == 0 && len > 0) {
		size_t piece = min_of(len, (size_t)GUEST_DATA_MAX);

		r = frame_append(out, GUEST_DATA, input, piece);
		input += piece;
		len -= piece;
	}
	return r < 0 ? r : guest_message_append(out, &end);
}

static int send_command(struct stream *stream, const struct guest_command *command, struct err *err)
{
	int r = command->input_len > GUEST_INPUT_MAX ? -EMSGSIZE : 0;

	if (r == 0)
		r = guest_message_append(&stream->out, command->request);
	if (r == 0 && command->input != NULL)
		r = append_input(&stream->out, command->input, command->input_len);
	if (r == 0)
		r = stream_write(stream, command->deadline_ms);
	return r < 0 ? cannot_send(r, err) : 0;
}

/* What ends the stream is EXIT, or OK. */
static int await_end(struct stream *stream, uint64_t deadline_ms, struct tail *output,
		     struct guest_message *ret, struct err *err)
{
	for (;;) {
		struct frame frame;
		int r = stream_read(stream, deadline_ms, &frame);

		if (r <= 0)
			return err_set_errno(err, r == 0 ? -ECONNRESET : r,
					     "the guest does not answer");
		if (frame.type != GUEST_DATA && frame.type != GUEST_DATA_ERR)
			return guest_decode(&frame, ret, err);
		if (output != NULL)
			tail_append(output, (const char *)frame.payload, frame.len);
	}
}

static int run(struct stream *stream, const struct guest_command *command, uint32_t *ret_status,
	       struct err *err)
{
	struct guest_message end;
	int r = send_command(stream, command, err);

	if (r == 0)
		r = await_end(stream, command->deadline_ms, command->output, &end, err);
	if (r < 0)
		return r;
	*ret_status = end.has_status ? end.status : 128 + end.signal;
	if (end.type != GUEST_EXIT)
		r = err_set(err, -EPROTO, "the command in the guest did not end as it should");
	guest_message_finish(&end);
	return r;
}

int guest_command_run(const struct guest_command *command, uint32_t *ret_status, struct err *err)
{
	struct stream stream;
	autoclose int fd = -1;
	int r = guest_connect(command->socket, false, command->deadline_ms, &fd, err);

	if (r < 0)
		return r;
	stream_init(&stream, fd);
	r = run(&stream, command, ret_status, err);
	stream_finish(&stream);
	return r;
}

/* The file in pieces, each sent before the next is read. */
static int send_file(struct stream *stream, int fd, uint64_t deadline_ms)
{
	const struct guest_message end = { .type = GUEST_EOF };
	char piece[GUEST_DATA_MAX];
	off_t at = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = pread(fd, piece, sizeof(piece), at)) != 0) {
		r = n < 0 ? -errno : frame_append(&stream->out, GUEST_DATA, piece, (size_t)n);
		if (r == 0)
			r = stream_write(stream, deadline_ms);
		at += n;
	}
	if (r == 0)
		r = guest_message_append(&stream->out, &end);
	return r < 0 ? r : stream_write(stream, deadline_ms);
}

static int push(struct stream *stream, int fd, const char *folder, uint64_t deadline_ms,
		struct err *err)
{
	const struct guest_message request = { .type = GUEST_PUSH,
					       .target = (char *)(uintptr_t)folder,
					       .flags = GUEST_FLAG_PRIVILEGED | GUEST_FLAG_INTO };
	struct guest_message end;
	int r = guest_message_append(&stream->out, &request);

	if (r == 0)
		r = send_file(stream, fd, deadline_ms);
	if (r < 0)
		return cannot_send(r, err);
	r = await_end(stream, deadline_ms, NULL, &end, err);
	if (r == 0)
		guest_message_finish(&end);
	return r;
}

int guest_push_tar(const char *socket, int file, const char *folder, uint64_t deadline_ms,
		   struct err *err)
{
	struct stream stream;
	autoclose int fd = -1;
	int r = guest_connect(socket, false, deadline_ms, &fd, err);

	if (r < 0)
		return r;
	stream_init(&stream, fd);
	r = push(&stream, file, folder, deadline_ms, err);
	stream_finish(&stream);
	return r;
}
