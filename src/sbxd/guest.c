#include "sbxd/guest.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "wire/stream.h"
#include "wire/vsock.h"

static int ask_vsock(const char *socket, const struct vsock_ask_message *message, int *ret_fd)
{
	uint8_t bytes[VSOCK_ASK_SIZE];
	autoclose int fd = -1;
	int r = fd_connect_unix(socket, &fd);

	vsock_ask_encode(message, bytes);
	if (r == 0)
		r = fd_write_full(fd, bytes, sizeof(bytes));
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

/* The one byte that answers a CONNECT. */
static int await_verdict(int fd, uint64_t deadline_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	uint8_t verdict;

	if (poll(&poll_fd, 1, clock_left_ms(deadline_ms)) <= 0)
		return -ETIMEDOUT;
	if (read(fd, &verdict, 1) != 1)
		return -ECONNRESET;
	return -(int)verdict;
}

int guest_connect(const char *socket, bool session, uint64_t deadline_ms, int *ret_fd,
		  struct err *err)
{
	autoclose int fd = -1;
	int r = ask_vsock(socket,
			  &(struct vsock_ask_message){
				  .ask = VSOCK_CONNECT,
				  .flags = session ? VSOCK_FLAG_SESSION : 0,
				  .port = GUEST_PORT,
			  },
			  &fd);

	if (r == 0)
		r = await_verdict(fd, deadline_ms);
	if (r < 0)
		return err_set_errno(err, r, "cannot connect to the guest");
	*ret_fd = take_fd(&fd);
	return 0;
}

int guest_events(const char *socket, int *ret_fd, struct err *err)
{
	int r = ask_vsock(socket, &(struct vsock_ask_message){ .ask = VSOCK_EVENTS }, ret_fd);

	return r < 0 ? err_set_errno(err, r, "cannot reach sbx-vsock") : 0;
}

int guest_decode(const struct frame *frame, struct guest_message *ret, struct err *err)
{
	int r = guest_message_decode(frame, ret);

	if (r < 0)
		return err_set_errno(err, r, "the guest answers nonsense");
	if (ret->type != GUEST_ERROR)
		return 0;
	r = ret->error > 0 && ret->error < 4096 ? -(int)ret->error : -EIO;
	(void)err_set(err, r, "the guest says: %s", ret->text != NULL ? ret->text : "no");
	guest_message_finish(ret);
	return r;
}

static int read_message(struct stream *stream, uint64_t deadline_ms, struct guest_message *ret,
			struct err *err)
{
	struct frame frame;
	int r = stream_read(stream, deadline_ms, &frame);

	if (r <= 0)
		return err_set_errno(err, r == 0 ? -ECONNRESET : r, "the guest does not answer");
	return guest_decode(&frame, ret, err);
}

static int await_ok(struct stream *stream, uint64_t deadline_ms, struct guest_message *ret,
		    struct err *err)
{
	int r = read_message(stream, deadline_ms, ret, err);

	if (r < 0 || ret->type == GUEST_OK)
		return r;
	guest_message_finish(ret);
	return err_set(err, -EPROTO, "the guest answers nonsense");
}

static int exchange(struct stream *stream, const struct guest_message *requests, size_t count,
		    uint64_t deadline_ms, struct guest_message *ret_last, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = guest_message_append(&stream->out, &requests[i]);
	if (r == 0)
		r = stream_write(stream, deadline_ms);
	if (r < 0)
		return err_set_errno(err, r, "cannot send to the guest");
	for (size_t i = 0; i < count; i++) {
		struct guest_message answer;

		r = await_ok(stream, deadline_ms, &answer, err);
		if (r < 0)
			return r;
		if (i + 1 == count && ret_last != NULL)
			*ret_last = answer;
		else
			guest_message_finish(&answer);
	}
	return 0;
}

int guest_ask(int fd, const struct guest_message *requests, size_t count, uint64_t deadline_ms,
	      struct guest_message *ret_last, struct err *err)
{
	struct stream stream;
	int r;

	stream_init(&stream, fd);
	r = exchange(&stream, requests, count, deadline_ms, ret_last, err);
	stream_finish(&stream);
	return r;
}

int guest_call(const char *socket, const struct guest_message *request, uint64_t deadline_ms,
	       struct guest_message *ret_answer, struct err *err)
{
	autoclose int fd = -1;
	int r = guest_connect(socket, false, deadline_ms, &fd, err);

	return r < 0 ? r : guest_ask(fd, request, 1, deadline_ms, ret_answer, err);
}

static int run(struct stream *stream, const struct guest_message *request, uint64_t deadline_ms,
	       uint32_t *ret_status, struct err *err)
{
	struct guest_message last;
	int r = guest_message_append(&stream->out, request);

	if (r == 0)
		r = stream_write(stream, deadline_ms);
	if (r < 0)
		return err_set_errno(err, r, "cannot send to the guest");
	r = read_message(stream, deadline_ms, &last, err);
	if (r < 0)
		return r;
	*ret_status = last.status;
	if (last.type != GUEST_EXIT || !last.has_status)
		r = err_set(err, -EPROTO, "the command in the guest did not end as it should");
	guest_message_finish(&last);
	return r;
}

int guest_run(const char *socket, const struct guest_message *request, uint64_t deadline_ms,
	      uint32_t *ret_status, struct err *err)
{
	struct stream stream;
	autoclose int fd = -1;
	int r = guest_connect(socket, false, deadline_ms, &fd, err);

	if (r < 0)
		return r;
	stream_init(&stream, fd);
	r = run(&stream, request, deadline_ms, ret_status, err);
	stream_finish(&stream);
	return r;
}

/* Reads items until the end of the list. */
static int read_items(struct stream *stream, uint64_t deadline_ms,
		      int (*each)(void *context, const struct guest_message *item), void *context,
		      struct err *err)
{
	for (;;) {
		struct guest_message item;
		bool is_end;
		int r = read_message(stream, deadline_ms, &item, err);

		if (r < 0)
			return r;
		is_end = item.type != GUEST_ITEM;
		if (!is_end)
			r = each(context, &item);
		guest_message_finish(&item);
		if (is_end || r < 0)
			return r;
	}
}

int guest_list(const char *socket, uint64_t deadline_ms,
	       int (*each)(void *context, const struct guest_message *item), void *context,
	       struct err *err)
{
	struct guest_message request = { .type = GUEST_LIST };
	struct stream stream;
	autoclose int fd = -1;
	int r = guest_connect(socket, false, deadline_ms, &fd, err);

	if (r < 0)
		return r;
	stream_init(&stream, fd);
	r = guest_message_append(&stream.out, &request);
	if (r == 0)
		r = stream_write(&stream, deadline_ms);
	if (r < 0)
		(void)err_set_errno(err, r, "cannot send to the guest");
	else
		r = read_items(&stream, deadline_ms, each, context, err);
	stream_finish(&stream);
	return r;
}
