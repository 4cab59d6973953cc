#include "sbx-vmm/control.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"

static void drop(struct control_peer *peer)
{
	int fd = peer->watch.fd;

	loop_remove(&peer->watch);
	if (fd >= 0)
		(void)close(fd);
	if (peer->fd >= 0)
		(void)close(peer->fd);
	*peer = (struct control_peer){ .control = peer->control, .watch.fd = -1, .fd = -1 };
}

/* An answer fits the socket's buffer, or the peer does not read and is dropped. */
static bool answer(struct control_peer *peer, const struct err *err)
{
	struct control *control = peer->control;
	struct vmm_answer message;
	uint8_t bytes[VMM_ANSWER_SIZE];

	control->impl->report(control->ctx, &message);
	if (err != NULL) {
		message.error = (uint32_t)-err->code;
		memset(message.text, 0, sizeof(message.text));
		memcpy(message.text, err->text, strnlen(err->text, sizeof(message.text) - 1));
	}
	vmm_answer_encode(&message, bytes);
	if (send(peer->watch.fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)sizeof(bytes))
		return false;
	control->answered++;
	return true;
}

static bool serve_backend(struct control_peer *peer, uint64_t index)
{
	struct control *control = peer->control;
	struct err err = ERR_INIT;

	if (peer->fd < 0)
		return false;
	if (control->impl->backend(control->ctx, index, take_fd(&peer->fd), &err) < 0)
		return answer(peer, &err);
	return answer(peer, NULL);
}

static bool serve(struct control_peer *peer, const struct vmm_ask_message *message)
{
	struct control *control = peer->control;
	struct vmm_answer now;

	switch (message->ask) {
	case VMM_ASK_STATE:
		return answer(peer, NULL);
	case VMM_ASK_END:
		control->impl->report(control->ctx, &now);
		peer->wants_end = now.state == VMM_RUNNING;
		return peer->wants_end || answer(peer, NULL);
	case VMM_ASK_BALLOON:
		control->impl->balloon(control->ctx, message->value);
		return answer(peer, NULL);
	case VMM_ASK_BACKEND:
		return serve_backend(peer, message->value);
	}
	return false;
}

static void peer_ready(struct loop_watch *watch, uint32_t events)
{
	struct control_peer *peer = container_of(watch, struct control_peer, watch);
	size_t fds = peer->fd < 0 ? 1 : 0;
	ssize_t n = fd_recv(watch->fd, peer->ask + peer->got, sizeof(peer->ask) - peer->got,
			    &peer->fd, &fds);
	struct vmm_ask_message message;

	(void)events;
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		drop(peer);
		return;
	}
	peer->got += (size_t)n;
	if (peer->got < sizeof(peer->ask))
		return;
	peer->got = 0;
	if (vmm_ask_decode(peer->ask, &message) < 0 || !serve(peer, &message))
		drop(peer);
}

static struct control_peer *free_peer(struct control *control)
{
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		if (control->peer[i].watch.fd < 0)
			return &control->peer[i];
	return NULL;
}

static void listen_ready(struct loop_watch *watch, uint32_t events)
{
	struct control *control = container_of(watch, struct control, listen);
	struct control_peer *peer = free_peer(control);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (peer == NULL || loop_add(control->loop, &peer->watch, fd, EPOLLIN, peer_ready) < 0)
		(void)close(fd);
}

int control_init(struct control *control, struct loop *loop, int socket,
		 const struct control_impl *impl, void *ctx)
{
	*control = (struct control){ .impl = impl, .ctx = ctx, .loop = loop, .listen.fd = -1 };
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		control->peer[i] =
			(struct control_peer){ .control = control, .watch.fd = -1, .fd = -1 };
	return loop_add(loop, &control->listen, socket, EPOLLIN, listen_ready);
}

void control_tell_end(struct control *control)
{
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		struct control_peer *peer = &control->peer[i];

		if (peer->wants_end)
			(void)answer(peer, NULL);
		peer->wants_end = false;
	}
}

void control_finish(struct control *control)
{
	loop_remove(&control->listen);
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		drop(&control->peer[i]);
}
