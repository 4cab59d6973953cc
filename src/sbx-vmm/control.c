#include "sbx-vmm/control.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

static void drop(struct control_peer *peer)
{
	int fd = peer->watch.fd;

	loop_remove(&peer->watch);
	if (fd >= 0)
		(void)close(fd);
	*peer = (struct control_peer){ .control = peer->control, .watch.fd = -1 };
}

/* An answer fits the socket's buffer, or the peer does not read and is dropped. */
static bool answer(struct control_peer *peer, uint32_t error)
{
	struct control *control = peer->control;
	struct vmm_answer message;
	uint8_t bytes[VMM_ANSWER_SIZE];

	control->impl->report(control->ctx, &message);
	message.error = error;
	vmm_answer_encode(&message, bytes);
	if (send(peer->watch.fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)sizeof(bytes))
		return false;
	control->answered++;
	return true;
}

static bool serve(struct control_peer *peer, const struct vmm_ask_message *message)
{
	struct control *control = peer->control;
	struct vmm_answer now;

	switch (message->ask) {
	case VMM_ASK_STATE:
		return answer(peer, 0);
	case VMM_ASK_END:
		control->impl->report(control->ctx, &now);
		peer->wants_end = now.state == VMM_RUNNING;
		return peer->wants_end || answer(peer, 0);
	case VMM_ASK_BALLOON:
		control->impl->balloon(control->ctx, message->value);
		return answer(peer, 0);
	}
	return false;
}

static void peer_ready(struct loop_watch *watch, uint32_t events)
{
	struct control_peer *peer = container_of(watch, struct control_peer, watch);
	ssize_t n =
		recv(watch->fd, peer->ask + peer->got, sizeof(peer->ask) - peer->got, MSG_DONTWAIT);
	struct vmm_ask_message message;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
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
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);

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
		control->peer[i] = (struct control_peer){ .control = control, .watch.fd = -1 };
	return loop_add(loop, &control->listen, socket, EPOLLIN, listen_ready);
}

void control_tell_end(struct control *control)
{
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++) {
		struct control_peer *peer = &control->peer[i];

		if (peer->wants_end)
			(void)answer(peer, 0);
		peer->wants_end = false;
	}
}

void control_finish(struct control *control)
{
	loop_remove(&control->listen);
	for (size_t i = 0; i < CONTROL_PEERS_MAX; i++)
		drop(&control->peer[i]);
}
