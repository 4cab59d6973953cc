#include "sbx-net/outside.h"

#include <errno.h>
#include <limits.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "net/link.h"
#include "net/stack.h"
#include "sbx-net/network.h"
#include "sbx-net/place.h"
#include "sbx-net/socket.h"
#include "wire/net.h"

enum {
	EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
	DISCARD_SIZE = 65536,
	SKIP_PARTS = 448, /* of DISCARD_SIZE: the largest offset without the kernel's help */
	FIRST_PORT = 32768,
	REST_MS = 200,
};

/* Bytes that are read again or thrown away go here; nobody looks at them. */
static uint8_t discarded[DISCARD_SIZE];

void outsides_init(struct outsides *outsides, struct network *network, unsigned max)
{
	*outsides = (struct outsides){
		.network = network, .next_id = 1, .next_port = FIRST_PORT, .max = max
	};
	list_init(&outsides->open);
	list_init(&outsides->again);
	list_init(&outsides->resting);
}

static struct outside *create(struct outsides *outsides, struct net_flow *flow,
			      enum outside_kind kind, int fd)
{
	struct outside *outside =
		outsides->count < outsides->max ? calloc(1, sizeof(*outside)) : NULL;

	if (outside == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return NULL;
	}
	outside->network = outsides->network;
	outside->flow = flow;
	outside->kind = kind;
	outside->fd = fd;
	outside->id = outsides->next_id++;
	outside->is_tcp = kind == OUTSIDE_DIRECT || kind == OUTSIDE_PUBLISHED;
	outside->peeks_at = socket_peek_at(fd, 0);
	list_append(&outsides->open, &outside->node);
	outsides->count++;
	if (flow != NULL)
		net_flow_set_tag(flow, outside);
	return outside;
}

static void drop(struct outside *outside)
{
	struct outsides *outsides = &outside->network->outsides;

	if (outsides->current == outside)
		outsides->current = NULL;
	loop_remove(&outside->watch);
	list_remove(&outside->node);
	outsides->count--;
	dns_pin_release(outside->pin);
	dns_pin_release(outside->dialled_pin);
	if (outside->fd >= 0)
		(void)close(outside->fd);
	free(outside);
}

void outsides_finish(struct outsides *outsides)
{
	if (outsides->network == NULL)
		return;
	loop_disarm(&outsides->rest);
	list_for_each (node, next, &outsides->again)
		drop(container_of(node, struct outside, node));
	list_for_each (waiting, after, &outsides->resting)
		drop(container_of(waiting, struct outside, node));
}

static void refuse(struct net_flow *flow, enum net_refusal how)
{
	net_flow_refuse(flow, how, clock_now_ms());
}

static enum net_refusal refusal_of(int error)
{
	return error == -EHOSTUNREACH || error == -ENETUNREACH ? NET_REFUSE_UNREACHABLE
							       : NET_REFUSE_RESET;
}

static int try_connect(struct outside *outside);

/* The connection came about or not: accept, try the next address, or refuse. */
static void connected(struct outside *outside, int error)
{
	struct net_flow *flow = outside->flow;

	if (error == 0) {
		outside->state = OUTSIDE_OPEN;
		net_flow_accept(flow, clock_now_ms());
		return;
	}
	if (place_of(&outside->to.address) == PLACE_HOST && outside->attempt++ == 0) {
		error = try_connect(outside);
		if (error == 0)
			return;
	}
	refuse(flow, refusal_of(error));
}

/* Events are told once for each change (EPOLLET): the stack asks until there is no more. */
static void ready(struct loop_watch *watch, uint32_t events)
{
	struct outside *outside = container_of(watch, struct outside, watch);
	struct network *network = outside->network;
	uint64_t now_ms = clock_now_ms();

	network->outsides.current = outside;
	if (outside->state == OUTSIDE_CONNECTING &&
	    (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
		connected(outside, socket_error(outside->fd));
	else if (outside->state == OUTSIDE_OPEN && (events & EPOLLERR) != 0)
		net_flow_reset(outside->flow, now_ms);
	if (network->outsides.current != NULL && outside->state == OUTSIDE_OPEN &&
	    (events & EPOLLOUT) != 0)
		net_flow_writable(outside->flow, now_ms);
	if (network->outsides.current != NULL && outside->state == OUTSIDE_OPEN &&
	    (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0) {
		outside->is_ended |= (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
		net_flow_readable(outside->flow, now_ms);
	}
	network->outsides.current = NULL;
	network_settle(network);
}

static int watch(struct outside *outside)
{
	return loop_add(outside->network->loop, &outside->watch, outside->fd, EVENTS, ready);
}

/* host.docker.internal is the host's loopback, of either family. */
static struct endpoint real_destination(const struct outside *outside)
{
	struct endpoint to = outside->to;

	if (place_of(&to.address) == PLACE_HOST)
		to.address = place_loopback(outside->attempt == 0 ? ADDRESS_V4 : ADDRESS_V6);
	return to;
}

/* A new socket for the outside's next address, on its way. */
static int try_connect(struct outside *outside)
{
	const struct endpoint to = real_destination(outside);
	int fd, r = socket_connect(&to, SOCK_STREAM, &fd);

	if (r < 0)
		return r;
	if (outside->fd >= 0) {
		loop_remove(&outside->watch);
		(void)close(outside->fd);
	}
	outside->fd = fd;
	outside->peeks_at = socket_peek_at(fd, 0);
	return watch(outside);
}

static void open_direct(struct outsides *outsides, struct net_flow *flow, const struct endpoint *to,
			const struct ruling *ruling)
{
	struct outside *outside = create(outsides, flow, OUTSIDE_DIRECT, -1);
	int r;

	if (outside == NULL) {
		refuse(flow, NET_REFUSE_RESET);
		return;
	}
	outside->to = *to;
	outside->state = OUTSIDE_CONNECTING;
	outside->is_allowed = true;
	outside->pin = ruling->pin == NULL ? NULL : dns_pin_hold(ruling->pin);
	r = try_connect(outside);
	if (r < 0)
		connected(outside, r);
}

/* A flow whose other end is in one of our processes: it is there at once. */
static struct outside *open_pair(struct outsides *outsides, struct net_flow *flow,
				 enum outside_kind kind, int *ret_far)
{
	struct outside *outside;
	int pair[2];

	if (fd_socketpair(pair) < 0)
		return NULL;
	*ret_far = pair[1];
	outside = create(outsides, flow, kind, pair[0]);
	if (outside == NULL || fd_set_nonblock(pair[0], true) < 0 ||
	    fd_set_nonblock(pair[1], true) < 0 || watch(outside) < 0) {
		(void)close(pair[1]);
		return NULL;
	}
	outside->state = OUTSIDE_OPEN;
	return outside;
}

static void open_proxy(struct outsides *outsides, struct net_flow *flow, const struct endpoint *to,
		       enum net_flow_kind kind, const struct ruling *ruling)
{
	int far = -1;
	struct outside *outside = open_pair(outsides, flow, OUTSIDE_PROXY, &far);

	if (outside == NULL) {
		far = -1;
		refuse(flow, NET_REFUSE_RESET);
		return;
	}
	outside->to = *to;
	if (ruling != NULL) {
		outside->is_allowed = ruling->verdict.decision == POLICY_ALLOW;
		outside->pin = ruling->pin == NULL ? NULL : dns_pin_hold(ruling->pin);
	}
	if (proxy_link_flow(&outsides->network->proxy, outside->id, kind, to, far) < 0)
		refuse(flow, NET_REFUSE_RESET);
	else
		net_flow_accept(flow, clock_now_ms());
}

static void open_resolver(struct outsides *outsides, struct net_flow *flow,
			  const struct endpoint *to)
{
	int far = -1;
	struct outside *outside = open_pair(outsides, flow, OUTSIDE_RESOLVER, &far);

	if (outside == NULL) {
		refuse(flow, NET_REFUSE_RESET);
		return;
	}
	outside->to = *to;
	if (resolver_serve(&outsides->network->resolver, far) < 0)
		refuse(flow, NET_REFUSE_RESET);
	else
		net_flow_accept(flow, clock_now_ms());
}

static void open_gateway(struct outsides *outsides, struct net_flow *flow,
			 const struct endpoint *to)
{
	switch (to->port) {
	case LINK_DNS_PORT:
		open_resolver(outsides, flow, to);
		break;
	case LINK_PROXY_PORT:
		open_proxy(outsides, flow, to, NET_FLOW_EXPLICIT, NULL);
		break;
	case LINK_SSH_AGENT_PORT:
		open_proxy(outsides, flow, to, NET_FLOW_SSH_AGENT, NULL);
		break;
	default:
		refuse(flow, NET_REFUSE_RESET);
	}
}

/* The ruling of a connection of the guest; judged again whenever the rules change. */
static void judge(struct network *network, const struct endpoint *to, struct ruling *ret)
{
	if (place_of(&to->address) == PLACE_HOST)
		decide_host(&network->decider, to->port, POLICY_TCP, ret);
	else
		decide_address(&network->decider, to, POLICY_TCP, clock_now_ms(), ret);
}

void outside_opened(struct outsides *outsides, struct net_flow *flow, const struct endpoint *to)
{
	struct network *network = outsides->network;
	struct ruling ruling;

	if (place_of(&to->address) == PLACE_GATEWAY) {
		open_gateway(outsides, flow, to);
		return;
	}
	judge(network, to, &ruling);
	if (ruling.route != ROUTE_PROXY)
		verdicts_connection(&network->verdicts, &ruling, to, POLICY_TCP);
	switch (ruling.route) {
	case ROUTE_NONE:
		refuse(flow, NET_REFUSE_RESET);
		break;
	case ROUTE_DIRECT:
		open_direct(outsides, flow, to, &ruling);
		break;
	case ROUTE_PROXY:
		open_proxy(outsides, flow, to, NET_FLOW_TRANSPARENT, &ruling);
		break;
	}
}

ssize_t outside_write(struct outside *outside, const struct iovec *parts, int count)
{
	const struct msghdr message = { .msg_iov = (struct iovec *)parts,
					.msg_iovlen = (size_t)min_of(count, IOV_MAX) };
	ssize_t n = sendmsg(outside->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	outside->network->outsides.bytes_out += (uint64_t)n;
	return n;
}

/*
 * What the kernel would take before it says that its buffer is full. A buffer
 * that it calls full, a third free, is watched anew: without a failed write
 * nothing else makes it tell when there is room again.
 */
size_t outside_room(struct outside *outside)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);
	uint32_t used;

	if (getsockopt(outside->fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return 0;
	used = outside->is_tcp ? info[SK_MEMINFO_WMEM_QUEUED] : info[SK_MEMINFO_WMEM_ALLOC];
	if (used > info[SK_MEMINFO_SNDBUF] / 3 * 2)
		(void)loop_change(&outside->watch, EVENTS);
	return used < info[SK_MEMINFO_SNDBUF] ? info[SK_MEMINFO_SNDBUF] - used : 0;
}

void outside_finished(struct outside *outside)
{
	(void)shutdown(outside->fd, SHUT_WR);
}

/* The kernel knows where to peek; it moves on with each peek and back with each read. */
static ssize_t peek_at(struct outside *outside, size_t offset, const struct iovec *parts, int count)
{
	struct msghdr message = { .msg_iov = (struct iovec *)parts,
				  .msg_iovlen = (size_t)min_of(count, IOV_MAX) };
	ssize_t n;

	if (offset != outside->peek_at && !socket_peek_at(outside->fd, offset))
		return -EINVAL;
	outside->peek_at = offset;
	n = recvmsg(outside->fd, &message, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	outside->peek_at += (size_t)n;
	return n;
}

/* It does not: what lies before the offset is read into a place for nothing. */
static ssize_t peek_over(struct outside *outside, size_t offset, const struct iovec *parts,
			 int count)
{
	struct iovec all[SKIP_PARTS + 64];
	struct msghdr message = { .msg_iov = all };
	size_t left = offset;
	ssize_t n;

	if (offset > (size_t)SKIP_PARTS * DISCARD_SIZE)
		return -EINVAL;
	for (; left > 0; left -= all[message.msg_iovlen++].iov_len)
		all[message.msg_iovlen] = (struct iovec){ .iov_base = discarded,
							  .iov_len = min_of(left, DISCARD_SIZE) };
	for (int i = 0; i < count && message.msg_iovlen < countof(all); i++)
		all[message.msg_iovlen++] = parts[i];
	n = recvmsg(outside->fd, &message, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if ((size_t)n > offset)
		return n - (ssize_t)offset;
	return n == 0 || outside->is_ended ? 0 : -EAGAIN;
}

ssize_t outside_peek(struct outside *outside, size_t offset, const struct iovec *parts, int count)
{
	return outside->peeks_at ? peek_at(outside, offset, parts, count)
				 : peek_over(outside, offset, parts, count);
}

/* TCP drops bytes without a copy (tcp(7), MSG_TRUNC); a Unix socket does not. */
void outside_acked(struct outside *outside, size_t bytes)
{
	outside->network->outsides.bytes_in += bytes;
	while (bytes > 0) {
		ssize_t n = outside->is_tcp
				    ? recv(outside->fd, NULL, bytes, MSG_TRUNC | MSG_DONTWAIT)
				    : recv(outside->fd, discarded, min_of(bytes, DISCARD_SIZE),
					   MSG_DONTWAIT);

		if (n <= 0)
			return;
		bytes -= (size_t)n;
		outside->peek_at -= min_of(outside->peek_at, (size_t)n);
	}
}

void outside_closed(struct outside *outside, int error)
{
	struct outsides *outsides = &outside->network->outsides;

	if (outside->state == OUTSIDE_REACHING && error == -ECONNREFUSED) {
		outside->flow = NULL;
		list_remove(&outside->node);
		list_append(&outsides->again, &outside->node);
		return;
	}
	if (outside->is_tcp && (error < 0 || outside->is_cut))
		socket_reset_at_close(outside->fd);
	drop(outside);
}

static void reached(void *owner, struct net_flow *flow)
{
	struct outside *outside = net_flow_tag(flow);

	(void)owner;
	outside->state = OUTSIDE_OPEN;
	if (watch(outside) < 0)
		net_flow_reset(flow, clock_now_ms());
}

/* Asks the guest at its next address; false when there is none left. */
static bool reach(struct outside *outside)
{
	struct outsides *outsides = &outside->network->outsides;
	struct endpoint to = { .port = outside->to.port }, from = { .port = outsides->next_port++ };

	if (outsides->next_port < FIRST_PORT)
		outsides->next_port = FIRST_PORT;
	if (!place_published(outside->attempt++, &from.address, &to.address))
		return false;
	return net_stack_connect(outside->network->stack, &from, &to, outside, reached,
				 clock_now_ms(), &outside->flow) == 0;
}

static void rested(struct loop_timer *timer)
{
	struct outsides *outsides = container_of(timer, struct outsides, rest);

	list_for_each (node, next, &outsides->resting) {
		container_of(node, struct outside, node)->attempt = 0;
		list_remove(node);
		list_append(&outsides->again, node);
	}
	network_settle(outsides->network);
}

/* No address of the guest took it: once more in a while, or never. */
static void give_up(struct outside *outside)
{
	struct outsides *outsides = &outside->network->outsides;
	uint64_t now = clock_now_ms();

	if (now >= outside->patient_until_ms) {
		socket_reset_at_close(outside->fd);
		drop(outside);
		return;
	}
	list_remove(&outside->node);
	list_append(&outsides->resting, &outside->node);
	if (outsides->rest.loop == NULL)
		loop_arm(outside->network->loop, &outsides->rest, now + REST_MS, rested);
}

void outside_publish(struct outsides *outsides, int fd, uint16_t port, bool is_patient)
{
	struct outside *outside;

	if (fd_set_nonblock(fd, true) < 0) {
		(void)close(fd);
		return;
	}
	outside = create(outsides, NULL, OUTSIDE_PUBLISHED, fd);
	if (outside == NULL)
		return;
	outside->state = OUTSIDE_REACHING;
	outside->to.port = port;
	if (is_patient)
		outside->patient_until_ms = clock_now_ms() + OUTSIDE_PATIENCE_MS;
	if (!reach(outside))
		give_up(outside);
}

void outsides_retry(struct outsides *outsides)
{
	list_for_each (node, next, &outsides->again) {
		struct outside *outside = container_of(node, struct outside, node);

		list_remove(node);
		list_append(&outsides->open, node);
		if (!reach(outside))
			give_up(outside);
	}
}

struct outside *outsides_find(struct outsides *outsides, uint64_t id)
{
	/* Mostly it is one of the newest. */
	for (struct list *node = outsides->open.prev; node != &outsides->open; node = node->prev) {
		struct outside *outside = container_of(node, struct outside, node);

		if (outside->id == id && outside->kind == OUTSIDE_PROXY)
			return outside;
	}
	return NULL;
}

void outside_dialled(struct outside *outside, const struct endpoint *to, struct dns_pin *pin)
{
	dns_pin_release(outside->dialled_pin);
	outside->dialled = *to;
	outside->dialled_pin = pin == NULL ? NULL : dns_pin_hold(pin);
}

/* What it is at its heart: the flow's own destination, and what was dialled for it. */
static bool is_still_allowed(struct outside *outside)
{
	struct network *network = outside->network;
	const char *name = outside->dialled_pin == NULL ? NULL : dns_pin_name(outside->dialled_pin);
	struct policy_verdict verdict;
	struct ruling ruling;

	if (outside->kind == OUTSIDE_PUBLISHED || outside->kind == OUTSIDE_RESOLVER)
		return true;
	if (place_of(&outside->to.address) != PLACE_GATEWAY) {
		judge(network, &outside->to, &ruling);
		if (outside->is_allowed && ruling.verdict.decision != POLICY_ALLOW)
			return false;
		if (outside->kind == OUTSIDE_DIRECT && ruling.route != ROUTE_DIRECT)
			return false;
	}
	if (outside->dialled.address.family == ADDRESS_NONE)
		return true;
	decide_dial(&network->decider, name, &outside->dialled, false, clock_now_ms(), &verdict);
	return verdict.decision == POLICY_ALLOW;
}

static void cut(struct outside *outside)
{
	outside->is_cut = true;
	if (outside->flow != NULL)
		net_flow_reset(outside->flow, clock_now_ms());
}

void outsides_judge(struct outsides *outsides)
{
	list_for_each (node, next, &outsides->open) {
		struct outside *outside = container_of(node, struct outside, node);

		if (!is_still_allowed(outside))
			cut(outside);
	}
}

void outsides_cut(struct outsides *outsides)
{
	list_for_each (node, next, &outsides->open)
		cut(container_of(node, struct outside, node));
}
