#include "sbx-net/control.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "policy/encode.h"
#include "sbx-net/network.h"
#include "wire/net.h"

enum {
	READ_SIZE = 16384,
	IN_MAX = 2 * (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX),
	/* The guest makes events as it likes; what sbxd waits for finds room beside them. */
	EVENTS_MAX = CONTROL_OUT_MAX - 16384,
};

static void close_passed(struct control *control)
{
	for (size_t i = 0; i < control->passed_count; i++)
		(void)close(control->passed[i]);
	control->passed_count = 0;
}

static void disconnect(struct control *control)
{
	if (control->fd < 0)
		return;
	loop_remove(&control->watch);
	loop_disarm(&control->stats);
	(void)close(take_fd(&control->fd));
	close_passed(control);
	buf_clear(&control->in);
	buf_clear(&control->out);
}

/* Sends what it can; what is left waits for the socket. */
static void flush(struct control *control)
{
	while (control->out.len > 0) {
		ssize_t n = send(control->fd, control->out.data, control->out.len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			buf_consume(&control->out, (size_t)n);
	}
	(void)loop_change(&control->watch, control->out.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

int control_tell(struct control *control, const struct net_verdict *verdict)
{
	int r;

	if (control->fd < 0)
		return -ENOTCONN;
	if (control->out.len >= EVENTS_MAX)
		return -ENOBUFS;
	r = net_verdict_append(&control->out, NET_VERDICT, verdict);
	if (r == 0)
		flush(control);
	return r;
}

static int tell(struct control *control, const struct net_message *message)
{
	int r = net_message_append(&control->out, message);

	if (r == 0)
		flush(control);
	return r;
}

static void tell_stats(struct loop_timer *timer)
{
	struct control *control = container_of(timer, struct control, stats);
	const struct outsides *outsides = &control->network->outsides;
	const struct net_message stats = { .type = NET_STATS,
					   .count = outsides->count,
					   .bytes_in = outsides->bytes_in,
					   .bytes_out = outsides->bytes_out };
	bool is_new = control->told_flows != stats.count || control->told_in != stats.bytes_in ||
		      control->told_out != stats.bytes_out;

	if (is_new && control->out.len < EVENTS_MAX && tell(control, &stats) == 0) {
		control->told_flows = stats.count;
		control->told_in = stats.bytes_in;
		control->told_out = stats.bytes_out;
	}
	loop_arm(control->network->loop, &control->stats, clock_now_ms() + CONTROL_STATS_MS,
		 tell_stats);
}

/* ---- what sbxd says */

/* The oldest descriptor that came; the caller's. -1: none did. */
static int take_passed(struct control *control)
{
	int fd;

	if (control->passed_count == 0)
		return -1;
	fd = control->passed[0];
	control->passed_count--;
	memmove(control->passed, control->passed + 1,
		control->passed_count * sizeof(control->passed[0]));
	return fd;
}

static int apply_policy(struct control *control)
{
	const struct net_message applied = { .type = NET_APPLIED,
					     .generation = control->generation };
	struct policy *policy;
	int r = policy_reader_end(control->reader, &policy);

	if (r < 0)
		return r;
	decider_set_policy(&control->network->decider, policy);
	network_judge(control->network);
	return tell(control, &applied);
}

static int take_connection(struct control *control, const struct net_message *message)
{
	int fd = take_passed(control);

	if (fd < 0)
		return -EPROTO;
	if (message->port == 0 || message->port > UINT16_MAX) {
		(void)close(fd);
		return -EPROTO;
	}
	outside_publish(&control->network->outsides, fd, (uint16_t)message->port,
			(message->flags & NET_FLAG_PATIENT) != 0);
	return 0;
}

static int take_udp(struct control *control, const struct net_message *message)
{
	int fd = take_passed(control);
	int r;

	if (fd < 0)
		return -EPROTO;
	if (message->port == 0 || message->port > UINT16_MAX) {
		(void)close(fd);
		return -EPROTO;
	}
	r = datagrams_publish(&control->network->datagrams, message->id, fd,
			      (uint16_t)message->port);
	if (r < 0)
		log_warning("UDP port %u cannot be published: %s", message->port, strerror(-r));
	return 0;
}

static int obey(struct control *control, const struct net_message *message)
{
	struct network *network = control->network;
	int r = 0;

	switch ((enum net_frame)message->type) {
	case NET_POLICY_BEGIN:
		control->generation = message->generation;
		policy_reader_begin(control->reader, (message->flags & NET_FLAG_LOCKED_DOWN) != 0);
		break;
	case NET_POLICY_END:
		if (message->generation != 0)
			control->generation = message->generation;
		return apply_policy(control);
	case NET_HOST:
		r = decider_set_host(&network->decider, message);
		resolver_set_host(&network->resolver, message);
		network_judge(network);
		break;
	case NET_INSPECT:
		r = decider_set_inspect(&network->decider, message);
		network_judge(network);
		break;
	case NET_CONNECT:
		return take_connection(control, message);
	case NET_LISTEN_UDP:
		return take_udp(control, message);
	case NET_UNLISTEN_UDP:
		datagrams_unpublish(&network->datagrams, message->id);
		break;
	case NET_CUT:
		network_cut(network);
		break;
	case NET_POLICY_RULE:
	case NET_VERDICT:
	case NET_APPLIED:
	case NET_STATS:
	case NET_FLOW:
	case NET_DIALLED:
	case NET_DIAL:
		return -EPROTO;
	}
	return r;
}

static int obey_frame(struct control *control, const struct frame *frame)
{
	autocall(net_message_finish) struct net_message message = { .type = 0 };
	int r;

	if (frame->type == NET_POLICY_RULE)
		return policy_reader_rule(control->reader, frame);
	r = net_message_decode(frame, &message);
	return r < 0 ? r : obey(control, &message);
}

static int obey_received(struct control *control)
{
	struct frame frame;
	size_t taken = 0;
	int n, r = 0;

	while (r == 0 && control->fd >= 0 &&
	       (n = frame_parse(control->in.data + taken, control->in.len - taken, &frame)) != 0) {
		if (n < 0)
			return n;
		r = obey_frame(control, &frame);
		taken += (size_t)n;
	}
	buf_consume(&control->in, taken);
	return r;
}

static int receive(struct control *control)
{
	size_t count = CONTROL_FDS_MAX - control->passed_count;
	uint8_t *to = buf_reserve(&control->in, READ_SIZE);
	ssize_t n;

	if (to == NULL)
		return -ENOMEM;
	n = fd_recv(control->fd, to, READ_SIZE, control->passed + control->passed_count, &count);
	if (n < 0)
		return (int)n;
	control->passed_count += count;
	control->in.len += (size_t)n;
	return n == 0 ? -EPIPE : obey_received(control);
}

static void said(struct loop_watch *watch, uint32_t events)
{
	struct control *control = container_of(watch, struct control, watch);
	struct network *network = control->network;
	int r = 0;

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		r = receive(control);
	if (r < 0 && r != -EAGAIN && r != -EINTR) {
		if (r != -EPIPE)
			log_error("what sbxd sent cannot be obeyed: %s", strerror(-r));
		disconnect(control);
	} else if ((events & EPOLLOUT) != 0) {
		flush(control);
		verdicts_resume(&network->verdicts);
	}
	network_settle(network);
}

static void called(struct loop_watch *watch, uint32_t events)
{
	struct control *control = container_of(watch, struct control, listener);
	struct network *network = control->network;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	disconnect(control);
	if (loop_add(network->loop, &control->watch, fd, EPOLLIN, said) < 0) {
		(void)close(fd);
		return;
	}
	control->fd = fd;
	loop_arm(network->loop, &control->stats, clock_now_ms() + CONTROL_STATS_MS, tell_stats);
	verdicts_resume(&network->verdicts);
}

int control_init(struct control *control, struct network *network, int listener)
{
	int r = fd_set_nonblock(listener, true);

	*control = (struct control){ .network = network, .fd = -1 };
	buf_init(&control->in, IN_MAX);
	buf_init(&control->out, CONTROL_OUT_MAX);
	if (r == 0)
		r = policy_reader_create(&control->reader);
	return r < 0 ? r : loop_add(network->loop, &control->listener, listener, EPOLLIN, called);
}

void control_finish(struct control *control)
{
	if (control->network == NULL)
		return;
	disconnect(control);
	loop_remove(&control->listener);
	policy_reader_destroy(control->reader);
	buf_finish(&control->in);
	buf_finish(&control->out);
}
