#include "tests/unit/sbx-init/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "sbx-init/agent.h"
#include "sbx-init/machine.h"

/* A machine that answers what it was asked. */
static int fake_setup(const struct guest_message *request, struct err *err)
{
	if (request->hostname != NULL && strcmp(request->hostname, "bad") == 0)
		return err_set(err, -EINVAL, "'bad' is not a host name");
	return 0;
}

static int fake_mount(const struct guest_message *request, struct err *err)
{
	return request->target == NULL ? err_set(err, -EINVAL, "no target") : 0;
}

static int fake_trim(uint64_t *ret_bytes, struct err *err)
{
	(void)err;
	*ret_bytes = 4096;
	return 0;
}

static int fake_grow(struct err *err)
{
	return err_set(err, -ENOSPC, "no room to grow");
}

static int fake_open_layer(uint32_t number, struct err *err)
{
	return err_set(err, -ENOENT, "there is no layer %u", number);
}

static const struct machine fake_machine = { .setup = fake_setup,
					     .mount = fake_mount,
					     .mount_fast = fake_mount,
					     .unmount = fake_mount,
					     .trim = fake_trim,
					     .grow = fake_grow,
					     .open_layer = fake_open_layer };

static int write_users(const struct rig *rig)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "broken line\nroot:x:0:0:root:/root:/bin/sh\nagent:x:%u:%u:a:%s:/bin/sh\n"
			 "nobody:x:65534:65534:n:/nonexistent:/bin/false\n",
			 (unsigned)geteuid(), (unsigned)getegid(), rig->folder);
	int r = file_write(AT_FDCWD, rig->passwd, text, (size_t)n, 0600);

	n = snprintf(text, sizeof(text),
		     "agents:x:%u:\ndocker:x:777:other,agent\nnogroup:x:65534:\n",
		     (unsigned)getegid());
	return r < 0 ? r : file_write(AT_FDCWD, rig->group, text, (size_t)n, 0600);
}

static _Noreturn void run_agent(const struct rig *rig, int listener)
{
	const struct places places = {
		.run = rig->run, .keep = rig->keep, .passwd = rig->passwd, .group = rig->group
	};
	const struct agent_config config = { .listener = listener,
					     .machine = &fake_machine,
					     .places = &places };
	struct err err = ERR_INIT;
	enum agent_end end;

	if (agent_run(&config, &err, &end) < 0)
		_exit(99);
	_exit(end == AGENT_REBOOT ? 2 : 0);
}

int rig_start(struct rig *rig)
{
	const char *top = getenv("TMPDIR");
	int listener;

	(void)snprintf(rig->folder, sizeof(rig->folder), "%s/sbx-init-XXXXXX",
		       top == NULL ? "/tmp" : top);
	if (mkdtemp(rig->folder) == NULL)
		return -1;
	(void)snprintf(rig->socket, RIG_PATH_MAX, "%s/socket", rig->folder);
	(void)snprintf(rig->run, RIG_PATH_MAX, "%s/run", rig->folder);
	(void)snprintf(rig->keep, RIG_PATH_MAX, "%s/lib/exec", rig->folder);
	(void)snprintf(rig->passwd, RIG_PATH_MAX, "%s/passwd", rig->folder);
	(void)snprintf(rig->group, RIG_PATH_MAX, "%s/group", rig->folder);
	if (mkdir(rig->run, 0700) < 0 || write_users(rig) < 0 ||
	    fd_listen_unix(rig->socket, &listener) < 0 || fd_set_nonblock(listener, true) < 0)
		return -1;
	rig->pid = fork();
	if (rig->pid == 0)
		run_agent(rig, listener);
	(void)close(listener);
	return rig->pid < 0 ? -1 : 0;
}

int rig_stop(struct rig *rig)
{
	const struct guest_message message = { .type = GUEST_SHUTDOWN };
	struct client client;
	int status = -1;

	if (client_open(rig, &client) < 0)
		(void)kill(rig->pid, SIGKILL);
	else
		(void)client_send(&client, &message);
	while (waitpid(rig->pid, &status, 0) < 0 && errno == EINTR)
		;
	client_close(&client);
	(void)file_remove_tree(AT_FDCWD, rig->folder);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int client_open(const struct rig *rig, struct client *ret)
{
	int r;

	ret->fd = -1;
	r = fd_connect_unix(rig->socket, &ret->fd);
	stream_init(&ret->stream, ret->fd);
	return r;
}

void client_close(struct client *client)
{
	cleanup_close(&client->fd);
	client->fd = -1;
	stream_finish(&client->stream);
}

int client_send(struct client *client, const struct guest_message *message)
{
	int r = guest_message_append(&client->stream.out, message);

	return r < 0 ? r : stream_write(&client->stream, clock_now_ms() + RIG_PATIENCE_MS);
}

int client_send_data(struct client *client, const char *text)
{
	int r = frame_append(&client->stream.out, GUEST_DATA, text, strlen(text));

	return r < 0 ? r : stream_write(&client->stream, clock_now_ms() + RIG_PATIENCE_MS);
}

int client_exec(struct client *client, const char *script, uint32_t flags)
{
	char shell[] = "/bin/sh", option[] = "-c", text[4096];
	char *args[] = { shell, option, text, NULL };
	const struct guest_message message = {
		.type = GUEST_EXEC, .args = args, .args_count = 3, .flags = flags
	};

	(void)snprintf(text, sizeof(text), "%s", script);
	return client_send(client, &message);
}

int client_receive(struct client *client, struct guest_message *ret)
{
	struct frame frame;
	int r = stream_read(&client->stream, clock_now_ms() + RIG_PATIENCE_MS, &frame);

	if (r <= 0)
		return r;
	r = guest_message_decode(&frame, ret);
	return r < 0 ? r : 1;
}

void collected_init(struct collected *collected)
{
	buf_init(&collected->out, 64 << 20);
	buf_init(&collected->err, 64 << 20);
}

void collected_finish(struct collected *collected)
{
	buf_finish(&collected->out);
	buf_finish(&collected->err);
}

/* Adds raw bytes; 1 when the frame was no raw bytes. */
static int take_raw(const struct frame *frame, struct collected *to)
{
	if (frame->type == GUEST_DATA)
		return buf_append(&to->out, frame->payload, frame->len);
	if (frame->type == GUEST_DATA_ERR)
		return buf_append(&to->err, frame->payload, frame->len);
	return 1;
}

int client_collect(struct client *client, struct collected *to, struct guest_message *ret_last)
{
	for (;;) {
		struct frame frame;
		int r = stream_read(&client->stream, clock_now_ms() + RIG_PATIENCE_MS, &frame);

		if (r <= 0)
			return r < 0 ? r : -EPIPE;
		r = take_raw(&frame, to);
		if (r < 0)
			return r;
		if (r == 1)
			return guest_message_decode(&frame, ret_last);
	}
}

int client_wait_for(struct client *client, struct collected *to, const char *text)
{
	for (;;) {
		struct frame frame;

		if (to->out.len > 0 &&
		    memmem(to->out.data, to->out.len, text, strlen(text)) != NULL)
			return 0;
		if (stream_read(&client->stream, clock_now_ms() + RIG_PATIENCE_MS, &frame) != 1 ||
		    take_raw(&frame, to) != 0)
			return -1;
	}
}
