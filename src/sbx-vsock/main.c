/*
 * sbx-vsock [--weak] CID: the agent channel of one sandbox. Descriptor 3 is its
 * vhost-user socket, 4 the listening Unix socket on which sbxd asks for
 * connections to guest ports and for events (wire/vsock.h). It ends when the
 * frontend closes, that is with the VM.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/parse.h"
#include "jail/jail.h"
#include "sbx-vsock/bounds.h"
#include "sbx-vsock/door.h"
#include "sbx-vsock/listeners.h"
#include "sbx-vsock/port.h"
#include "seccomp_vsock.h"
#include "vsock/device.h"
#include "wire/guest.h"
#include "wire/vsock.h"

enum {
	FD_VHOST = 3,
	FD_LISTEN = 4,
	CID_MIN = 3, /* 0 to 2 mean the hypervisor, this machine, the host */
};

struct options {
	bool weak;
	uint64_t cid;
};

struct server {
	struct loop *loop;
	struct port *port;
	struct door door;
	struct listeners listeners;
};

/* What a connection is to us; vsock/device.h carries it as its tag. */
enum tag { TAG_PLAIN, TAG_SESSION };

static int parse_options(char **words, struct options *ret, struct err *err)
{
	*ret = (struct options){ .weak = false };
	if (*words != NULL && strcmp(*words, "--weak") == 0) {
		ret->weak = true;
		words++;
	}
	if (*words == NULL || words[1] != NULL ||
	    parse_u64(*words, UINT32_MAX - 1, &ret->cid) < 0 || ret->cid < CID_MIN)
		return err_set(err, -EINVAL,
			       "expected the guest's CID (a number from 3 on) and nothing else");
	return 0;
}

static int enter_jail(const struct options *options, struct err *err)
{
	const struct jail_config config = {
		.name = "sbx-vsock",
		.keep_fds = VSOCK_FDS_KEPT,
		.filter = seccomp_vsock,
		.filter_len = countof(seccomp_vsock),
		.max_files = VSOCK_FILES_MAX,
		.weak = options->weak,
	};
	unsigned skipped = 0;
	int r = jail_enter(&config, &skipped, err);

	if (r == 0 && skipped != 0)
		log_warning("the jail is weak: steps 0x%x were skipped", skipped);
	return r;
}

static void knocked(void *owner)
{
	struct server *server = owner;

	listeners_tell_ready(&server->listeners);
}

/* The first byte of a stream is the answer; its socket's buffer is empty, so it fits. */
static void answered(void *owner, int fd, int code)
{
	uint8_t byte = (uint8_t)code;

	(void)owner;
	(void)send(fd, &byte, sizeof(byte), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void left(void *owner, int tag)
{
	struct server *server = owner;

	if (tag == TAG_SESSION)
		listeners_tell_sessions(&server->listeners, server->listeners.sessions - 1);
}

static void closed(void *owner, const char *why)
{
	struct server *server = owner;

	log_info("%s", why);
	loop_stop(server->loop);
}

static void asked_connect(struct server *server, int fd, const struct vsock_ask_message *message)
{
	bool is_session = (message->flags & VSOCK_FLAG_SESSION) != 0;
	int r;

	/* Counted first: the end may come within the call. */
	if (is_session)
		listeners_tell_sessions(&server->listeners, server->listeners.sessions + 1);
	r = port_connect(server->port, fd, message->port, is_session ? TAG_SESSION : TAG_PLAIN);
	if (r == 0)
		return;
	answered(server, fd, -r);
	(void)close(fd);
	left(server, is_session ? TAG_SESSION : TAG_PLAIN);
}

static void asked(void *owner, int fd, const struct vsock_ask_message *message)
{
	struct server *server = owner;

	switch (message->ask) {
	case VSOCK_CONNECT:
		asked_connect(server, fd, message);
		break;
	case VSOCK_EVENTS:
		if (listeners_add(&server->listeners, fd) < 0)
			(void)close(fd);
		break;
	}
}

static int start(struct server *server, const struct options *options, struct err *err)
{
	int r = loop_create(&server->loop);

	if (r < 0)
		return err_set_errno(err, r, "no event loop");
	listeners_init(&server->listeners, server->loop);
	r = port_create(&(struct port_config){ .loop = server->loop,
					       .socket = FD_VHOST,
					       .guest_cid = options->cid,
					       .knock_port = HOST_PORT_READY,
					       .owner = server,
					       .knocked = knocked,
					       .answered = answered,
					       .left = left,
					       .closed = closed },
			&server->port);
	if (r < 0)
		return err_set_errno(err, r, "descriptor %d is no vhost-user socket", FD_VHOST);
	r = door_init(&server->door, &(struct door_config){ .loop = server->loop,
							    .socket = FD_LISTEN,
							    .owner = server,
							    .asked = asked });
	return r < 0 ? err_set_errno(err, r, "descriptor %d is no listening socket", FD_LISTEN) : 0;
}

/* The connections end before those who hear of it. */
static void finish(struct server *server)
{
	door_finish(&server->door);
	port_destroy(server->port);
	listeners_finish(&server->listeners);
	loop_destroy(server->loop);
}

int main(int argc, char **argv)
{
	const struct log_config log = { .program = "sbx-vsock", .fd = 2, .level = LOG_LEVEL_INFO };
	struct server server = { .loop = NULL };
	struct options options;
	struct err err = ERR_INIT;
	int r;

	log_open(&log);
	r = parse_options(argv + (argc > 0), &options, &err);
	if (r == 0)
		r = enter_jail(&options, &err);
	if (r == 0)
		r = start(&server, &options, &err);
	if (r == 0)
		r = loop_run(server.loop);
	if (r < 0)
		log_error("%s", err.text);
	finish(&server);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
