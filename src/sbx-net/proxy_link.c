#include "sbx-net/proxy_link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/log.h"
#include "base/address.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "sbx-net/network.h"

enum {
	PACKET_MAX = FRAME_HEADER_SIZE + 8192,
	BURST = 64, /* asks before the others on the loop have their turn */
};

/* An answer that sbx-proxy has no room for yet. */
struct waiting {
	struct list node;
	struct buf packet;
	int fd; /* owned; -1: none */
};

static void drop(struct waiting *waiting)
{
	list_remove(&waiting->node);
	buf_finish(&waiting->packet);
	if (waiting->fd >= 0)
		(void)close(waiting->fd);
	free(waiting);
}

static int send_packet(const struct proxy_link *link, const struct buf *packet, int fd)
{
	ssize_t n;

	if (link->fd < 0)
		return -EPIPE;
	n = fd_send(link->fd, packet->data, packet->len, &fd, fd >= 0);
	return n < 0 ? (int)n : 0;
}

static void gone(struct proxy_link *link)
{
	log_error("sbx-proxy is gone: connections through it are refused");
	list_for_each (node, next, &link->waiting)
		drop(container_of(node, struct waiting, node));
	link->is_blocked = false;
	loop_remove(&link->watch);
	(void)close(take_fd(&link->fd));
}

/* Sends what waits; then asks are read again. */
static void flush(struct proxy_link *link)
{
	list_for_each (node, next, &link->waiting) {
		struct waiting *waiting = container_of(node, struct waiting, node);

		if (send_packet(link, &waiting->packet, waiting->fd) == -EAGAIN)
			return;
		drop(waiting);
	}
	link->is_blocked = false;
	(void)loop_change(&link->watch, EPOLLIN);
}

static int wait_for_room(struct proxy_link *link, struct buf *packet, int fd)
{
	struct waiting *waiting = malloc(sizeof(*waiting));

	if (waiting == NULL)
		return -ENOMEM;
	*waiting = (struct waiting){ .packet = *packet, .fd = fd };
	buf_init(packet, 0);
	list_append(&link->waiting, &waiting->node);
	if (!link->is_blocked)
		(void)loop_change(&link->watch, EPOLLOUT);
	link->is_blocked = true;
	return 0;
}

void proxy_link_dialled(struct proxy_link *link, const struct net_message *answer, int fd)
{
	autocall(buf_finish) struct buf packet;
	autoclose int owned = fd;
	int r;

	buf_init(&packet, PACKET_MAX);
	r = net_message_append(&packet, answer);
	if (r == 0)
		r = link->is_blocked ? -EAGAIN : send_packet(link, &packet, owned);
	if (r == -EAGAIN && wait_for_room(link, &packet, owned) == 0)
		(void)take_fd(&owned);
}

int proxy_link_flow(struct proxy_link *link, uint64_t id, enum net_flow_kind kind,
		    const struct endpoint *to, int far)
{
	autocall(buf_finish) struct buf packet;
	autoclose int owned = far;
	char address[ADDRESS_TEXT_MAX];
	const struct net_message message = {
		.type = NET_FLOW, .id = id, .kind = kind, .address = address, .port = to->port
	};
	int r;

	address_format(&to->address, address);
	buf_init(&packet, PACKET_MAX);
	r = net_message_append(&packet, &message);
	return r < 0 ? r : send_packet(link, &packet, owned);
}

/* One packet is one frame, without descriptors. */
static int take_packet(struct proxy_link *link, const uint8_t *bytes, size_t len)
{
	autocall(net_message_finish) struct net_message message = { .type = 0 };
	struct frame frame;
	int r;

	if (frame_parse(bytes, len, &frame) != (int)len)
		return -EPROTO;
	r = net_message_decode(&frame, &message);
	if (r == 0 && message.type == NET_DIAL)
		dials_add(&link->network->dials, &message);
	return r;
}

static void ready(struct loop_watch *watch, uint32_t events)
{
	struct proxy_link *link = container_of(watch, struct proxy_link, watch);
	struct network *network = link->network;
	uint8_t packet[PACKET_MAX];

	if ((events & EPOLLOUT) != 0 && link->is_blocked)
		flush(link);
	for (int i = 0; i < BURST && !link->is_blocked && link->fd >= 0; i++) {
		ssize_t n = recv(link->fd, packet, sizeof(packet), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0 || take_packet(link, packet, (size_t)n) < 0)
			gone(link);
	}
	network_settle(network);
}

int proxy_link_init(struct proxy_link *link, struct network *network, int fd)
{
	int r = fd_set_nonblock(fd, true);

	*link = (struct proxy_link){ .network = network, .fd = fd };
	list_init(&link->waiting);
	return r < 0 ? r : loop_add(network->loop, &link->watch, fd, EPOLLIN, ready);
}

void proxy_link_finish(struct proxy_link *link)
{
	if (link->network == NULL)
		return;
	list_for_each (node, next, &link->waiting)
		drop(container_of(node, struct waiting, node));
	loop_remove(&link->watch);
	if (link->fd >= 0)
		(void)close(take_fd(&link->fd));
}
