#include "sbx-proxy/link.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

enum {
	PACKET_MAX = FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX,
	OUT_MAX = 1 << 20,
	PACKETS_AT_ONCE = 64, /* then others on the loop have their turn */
};

static void closed(struct link *link, const char *why)
{
	loop_remove(&link->watch);
	link->lost(link->owner, why);
}

static int send_frame(int fd, const uint8_t *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? -errno : 0;
}

/* One frame a packet; 0 when all are gone, -EAGAIN. */
static int flush(struct link *link)
{
	struct frame frame;
	int len;

	while (link->out.len > 0) {
		int r;

		len = frame_parse(link->out.data, link->out.len, &frame);
		if (len <= 0)
			return -EPROTO;
		r = send_frame(link->watch.fd, link->out.data, (size_t)len);
		if (r < 0)
			return r;
		buf_consume(&link->out, (size_t)len);
	}
	buf_finish(&link->out);
	return 0;
}

static void push(struct link *link)
{
	int r = flush(link);
	bool waits = r == -EAGAIN;

	if (r < 0 && !waits) {
		closed(link, "sbx-net takes no more questions");
		return;
	}
	if (waits == link->waits_for_room)
		return;
	link->waits_for_room = waits;
	(void)loop_change(&link->watch, EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0));
}

static struct dial *find_dial(struct link *link, uint64_t id)
{
	list_for_each (node, next, &link->dials) {
		struct dial *dial = container_of(node, struct dial, node);

		if (dial->id == id)
			return dial;
	}
	return NULL;
}

static void dialled(struct link *link, const struct net_message *message, int fd)
{
	autoclose int socket = fd;
	struct dial *dial = find_dial(link, message->id);

	if (dial == NULL) /* its asker is gone */
		return;
	list_remove(&dial->node);
	dial->answered(dial, message, take_fd(&socket));
}

static void heard(struct link *link, const struct net_message *message, int fd)
{
	autoclose int socket = fd;

	if (message->type == NET_FLOW && fd >= 0)
		link->flow(link->owner, message, take_fd(&socket));
	else if (message->type == NET_DIALLED)
		dialled(link, message, take_fd(&socket));
}

static int decode(const uint8_t *bytes, size_t len, struct net_message *ret)
{
	struct frame frame;

	if (frame_parse(bytes, len, &frame) != (int)len)
		return -EPROTO;
	return net_message_decode(&frame, ret);
}

/* 1: a packet was handled, 0: there is none, -errno. */
static int receive_packet(struct link *link)
{
	static uint8_t packet[PACKET_MAX]; /* one loop, one thread: too large for the stack */
	struct net_message message;
	autoclose int fd = -1;
	size_t fds = 1;
	ssize_t n = fd_recv(link->watch.fd, packet, sizeof(packet), &fd, &fds);
	int r;

	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return n == 0 ? -EPIPE : (int)n;
	r = decode(packet, (size_t)n, &message);
	if (r < 0)
		return r;
	heard(link, &message, take_fd(&fd));
	net_message_finish(&message);
	return 1;
}

static void ready(struct loop_watch *watch, uint32_t events)
{
	struct link *link = container_of(watch, struct link, watch);
	int r = 1;

	if ((events & EPOLLOUT) != 0)
		push(link);
	for (int i = 0; i < PACKETS_AT_ONCE && r > 0 && watch->loop != NULL; i++)
		r = receive_packet(link);
	if (r < 0)
		closed(link, r == -EPIPE ? "sbx-net has ended" : "sbx-net speaks nonsense");
}

int link_init(struct link *link, struct loop *loop, int fd, void *owner,
	      void (*flow)(void *owner, const struct net_message *message, int fd),
	      void (*lost)(void *owner, const char *why))
{
	int r = fd_set_nonblock(fd, true);

	*link = (struct link){ .loop = loop, .owner = owner, .flow = flow, .lost = lost };
	list_init(&link->dials);
	buf_init(&link->out, OUT_MAX);
	if (r < 0)
		return r;
	return loop_add(loop, &link->watch, fd, EPOLLIN, ready);
}

void link_finish(struct link *link)
{
	if (link->loop == NULL)
		return;
	list_for_each (node, next, &link->dials)
		list_remove(node);
	loop_remove(&link->watch);
	buf_finish(&link->out);
}

void dial_init(struct dial *dial,
	       void (*answered)(struct dial *dial, const struct net_message *message, int fd))
{
	*dial = (struct dial){ .answered = answered };
	list_init(&dial->node);
}

int link_dial(struct link *link, struct dial *dial, uint64_t flow, const char *name, uint16_t port)
{
	const struct net_message message = {
		.type = NET_DIAL,
		.id = ++link->last_id,
		.flow = flow,
		.name = (char *)(uintptr_t)name,
		.port = port,
	};
	int r = link->watch.loop == NULL ? -EPIPE : net_message_append(&link->out, &message);

	if (r < 0)
		return r;
	dial->id = message.id;
	list_remove(&dial->node);
	list_append(&link->dials, &dial->node);
	if (!link->waits_for_room)
		push(link);
	return 0;
}

void dial_end(struct dial *dial)
{
	list_remove(&dial->node);
}
