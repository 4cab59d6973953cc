#include "sbx-init/session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "sbx-init/control.h"
#include "sbx-init/machine.h"
#include "wire/guest.h"

enum { IDLE_MS = 60000 }; /* a connection that asks nothing for so long is closed */

typedef int handler_fn(struct session *session, const struct guest_message *request,
		       struct guest_message *answer, struct err *err);

/* Keeps what every exec needs to know; see exec.c. */
static int handle_setup(struct session *session, const struct guest_message *request,
			struct guest_message *answer, struct err *err)
{
	const struct guest_message kept = { .type = GUEST_SETUP,
					    .env = request->env,
					    .env_count = request->env_count };
	autocall(buf_finish) struct buf buf = { 0 };
	autoclose int run = open(session->places->run, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	(void)answer;
	buf_init(&buf, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	r = session->machine->setup(request, err);
	if (r < 0)
		return r;
	r = guest_message_append(&buf, &kept);
	if (r == 0)
		r = file_write(run, "setup", buf.data, buf.len, 0600);
	return r < 0 ? err_set_errno(err, r, "cannot keep the environment") : 0;
}

static int handle_clock(struct session *session, const struct guest_message *request,
			struct guest_message *answer, struct err *err)
{
	(void)answer;
	return session->machine->setup(request, err);
}

static int handle_mount(struct session *session, const struct guest_message *request,
			struct guest_message *answer, struct err *err)
{
	(void)answer;
	return session->machine->mount(request, err);
}

static int handle_fast_dir(struct session *session, const struct guest_message *request,
			   struct guest_message *answer, struct err *err)
{
	(void)answer;
	return session->machine->mount_fast(request, err);
}

static int handle_unmount(struct session *session, const struct guest_message *request,
			  struct guest_message *answer, struct err *err)
{
	(void)answer;
	return session->machine->unmount(request, err);
}

static int handle_trim(struct session *session, const struct guest_message *request,
		       struct guest_message *answer, struct err *err)
{
	(void)request;
	return session->machine->trim(&answer->bytes, err);
}

static int handle_grow(struct session *session, const struct guest_message *request,
		       struct guest_message *answer, struct err *err)
{
	(void)request;
	(void)answer;
	return session->machine->grow(err);
}

static int handle_ping(struct session *session, const struct guest_message *request,
		       struct guest_message *answer, struct err *err)
{
	(void)session;
	(void)request;
	(void)answer;
	(void)err;
	return 0;
}

/* The connection lives on in pid 1. */
static int handle_watch(struct session *session, const struct guest_message *request,
			struct guest_message *answer, struct err *err)
{
	int r = control_send(session->control, CONTROL_WATCH, session->stream.fd);

	(void)request;
	(void)answer;
	return r < 0 ? err_set_errno(err, r, "cannot watch") : SESSION_END;
}

static int handle_shutdown(struct session *session, const struct guest_message *request,
			   struct guest_message *answer, struct err *err)
{
	bool reboot = (request->flags & GUEST_FLAG_REBOOT) != 0;
	int r = control_send(session->control, reboot ? CONTROL_REBOOT : CONTROL_SHUTDOWN, -1);

	(void)answer;
	return r < 0 ? err_set_errno(err, r, "cannot shut down") : SESSION_END;
}

static const struct {
	enum guest_type type;
	handler_fn *handle;
} handlers[] = {
	{ GUEST_SETUP, handle_setup },	     { GUEST_MOUNT, handle_mount },
	{ GUEST_UNMOUNT, handle_unmount },   { GUEST_EXEC, exec_handle },
	{ GUEST_PUSH, copy_push },	     { GUEST_PULL, copy_pull },
	{ GUEST_LOGS, kept_logs },	     { GUEST_LIST, kept_list },
	{ GUEST_KILL, kept_kill },	     { GUEST_WATCH, handle_watch },
	{ GUEST_CLOCK, handle_clock },	     { GUEST_TRIM, handle_trim },
	{ GUEST_GROW, handle_grow },	     { GUEST_PING, handle_ping },
	{ GUEST_SHUTDOWN, handle_shutdown }, { GUEST_LAYER, export_layer },
	{ GUEST_FAST_DIR, handle_fast_dir },
};

static handler_fn *find_handler(enum guest_type type)
{
	for (size_t i = 0; i < countof(handlers); i++) {
		if (handlers[i].type == type)
			return handlers[i].handle;
	}
	return NULL;
}

int session_send(struct session *session, const struct guest_message *message)
{
	int r = guest_message_append(&session->stream.out, message);

	return r < 0 ? r : stream_write(&session->stream, STREAM_NEVER);
}

int session_send_data(struct session *session, uint16_t type, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	while (len > 0) {
		size_t part = min_of(len, (size_t)GUEST_DATA_MAX);
		int r = frame_append(&session->stream.out, type, from, part);

		if (r == 0)
			r = stream_write(&session->stream, STREAM_NEVER);
		if (r < 0)
			return r;
		from += part;
		len -= part;
	}
	return 0;
}

static int send_error(struct session *session, const struct err *err)
{
	char text[ERR_TEXT_MAX];
	const struct guest_message message = { .type = GUEST_ERROR,
					       .error = (uint32_t)-err->code,
					       .text = text };

	memcpy(text, err->text, sizeof(text));
	return session_send(session, &message);
}

/* Answers one request; 0 when the connection goes on. */
static int answer_request(struct session *session, const struct frame *frame)
{
	autocall(guest_message_finish) struct guest_message request = { 0 };
	autocall(guest_message_finish) struct guest_message answer = { .type = GUEST_OK };
	struct err err = ERR_INIT;
	handler_fn *handle;
	int r = guest_message_decode(frame, &request);

	if (r < 0)
		return r;
	handle = find_handler(request.type);
	if (handle == NULL)
		return -EPROTO;
	r = handle(session, &request, &answer, &err);
	if (r == 0)
		return session_send(session, &answer);
	if (r < 0)
		(void)send_error(session, &err);
	return r;
}

void session_run(struct session *session)
{
	struct frame frame;
	int r = 0;

	while (r == 0) {
		r = stream_read(&session->stream, clock_now_ms() + IDLE_MS, &frame);
		if (r <= 0)
			break;
		r = answer_request(session, &frame);
	}
}
