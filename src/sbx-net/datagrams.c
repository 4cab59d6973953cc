#include "sbx-net/datagrams.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/iov.h"
#include "net/link.h"
#include "net/stack.h"
#include "sbx-net/network.h"
#include "sbx-net/place.h"
#include "sbx-net/socket.h"

enum {
	FIRST_PORT = 32768,
	BURST = 64, /* datagrams of one socket before the others have their turn */
	QUERY_MAX = 1024,
};

/* An endpoint of the guest and one outside. */
struct pair {
	struct datagrams *datagrams; /* weak */
	struct list node;
	struct loop_watch watch;
	int fd; /* owned */
	struct endpoint guest, to;
	uint64_t used_ms;
};

/* A published port. */
struct port {
	struct datagrams *datagrams; /* weak */
	struct list node;
	struct loop_watch watch;
	int fd; /* owned */
	uint64_t id;
	uint16_t port; /* of the guest */
};

/* Who sends to a published port, and the port of the gateway that stands for him. */
struct client {
	struct list node;
	struct port *port; /* weak */
	struct endpoint from;
	uint16_t alias;
	uint64_t used_ms;
};

static uint8_t received[NET_UDP_MAX];

void datagrams_init(struct datagrams *datagrams, struct network *network)
{
	*datagrams = (struct datagrams){ .network = network, .next_port = FIRST_PORT };
	list_init(&datagrams->pairs);
	list_init(&datagrams->ports);
	list_init(&datagrams->clients);
}

static void drop_pair(struct pair *pair)
{
	loop_remove(&pair->watch);
	list_remove(&pair->node);
	pair->datagrams->pairs_count--;
	(void)close(pair->fd);
	free(pair);
}

static void drop_client(struct datagrams *datagrams, struct client *client)
{
	list_remove(&client->node);
	datagrams->clients_count--;
	free(client);
}

static void drop_port(struct port *port)
{
	struct datagrams *datagrams = port->datagrams;

	list_for_each (node, next, &datagrams->clients) {
		struct client *client = container_of(node, struct client, node);

		if (client->port == port)
			drop_client(datagrams, client);
	}
	loop_remove(&port->watch);
	list_remove(&port->node);
	datagrams->ports_count--;
	(void)close(port->fd);
	free(port);
}

void datagrams_finish(struct datagrams *datagrams)
{
	if (datagrams->network == NULL)
		return;
	loop_disarm(&datagrams->timer);
	datagrams_cut(datagrams);
	list_for_each (node, next, &datagrams->ports)
		drop_port(container_of(node, struct port, node));
}

/* Drops what was idle for too long, and looks again when the next may be. */
static void sweep(struct loop_timer *timer)
{
	struct datagrams *datagrams = container_of(timer, struct datagrams, timer);
	uint64_t now_ms = clock_now_ms();

	list_for_each (node, next, &datagrams->pairs) {
		struct pair *pair = container_of(node, struct pair, node);

		if (now_ms - pair->used_ms >= DATAGRAM_IDLE_MS)
			drop_pair(pair);
	}
	list_for_each (client_node, next, &datagrams->clients) {
		struct client *client = container_of(client_node, struct client, node);

		if (now_ms - client->used_ms >= DATAGRAM_IDLE_MS)
			drop_client(datagrams, client);
	}
	if (datagrams->pairs_count + datagrams->clients_count > 0)
		loop_arm(datagrams->network->loop, &datagrams->timer, now_ms + DATAGRAM_IDLE_MS,
			 sweep);
}

static void expect_idleness(struct datagrams *datagrams)
{
	if (datagrams->timer.loop == NULL)
		loop_arm(datagrams->network->loop, &datagrams->timer,
			 clock_now_ms() + DATAGRAM_IDLE_MS, sweep);
}

/* ---- out of the guest */

static void pair_ready(struct loop_watch *watch, uint32_t events)
{
	struct pair *pair = container_of(watch, struct pair, watch);
	struct network *network = pair->datagrams->network;

	(void)events;
	for (int i = 0; i < BURST; i++) {
		ssize_t n = recv(pair->fd, received, sizeof(received), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && errno == ECONNREFUSED)
			net_stack_udp_refuse(network->stack, &pair->guest, &pair->to,
					     NET_REFUSE_RESET);
		if (n < 0)
			break;
		if ((size_t)n <= sizeof(received))
			net_stack_udp_send(network->stack, &pair->to, &pair->guest, received,
					   (size_t)n);
	}
	pair->used_ms = clock_now_ms();
	network_settle(network);
}

static bool is_same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->address, &b->address);
}

static struct pair *find_pair(struct datagrams *datagrams, const struct endpoint *guest,
			      const struct endpoint *to)
{
	/* The last used is the likely one. */
	for (struct list *node = datagrams->pairs.prev; node != &datagrams->pairs;
	     node = node->prev) {
		struct pair *pair = container_of(node, struct pair, node);

		if (is_same_endpoint(&pair->guest, guest) && is_same_endpoint(&pair->to, to))
			return pair;
	}
	return NULL;
}

static struct pair *open_pair(struct datagrams *datagrams, const struct endpoint *guest,
			      const struct endpoint *to)
{
	struct endpoint real = *to;
	struct pair *pair = calloc(1, sizeof(*pair));
	int r;

	if (pair == NULL)
		return NULL;
	if (datagrams->pairs_count == DATAGRAM_PAIRS_MAX)
		drop_pair(container_of(datagrams->pairs.next, struct pair, node));
	if (place_of(&to->address) == PLACE_HOST)
		real.address = place_loopback(to->address.family);
	r = socket_connect(&real, SOCK_DGRAM, &pair->fd);
	if (r == 0) {
		r = loop_add(datagrams->network->loop, &pair->watch, pair->fd, EPOLLIN, pair_ready);
		if (r < 0)
			(void)close(pair->fd);
	}
	if (r < 0) {
		free(pair);
		return NULL;
	}
	pair->datagrams = datagrams;
	pair->guest = *guest;
	pair->to = *to;
	list_append(&datagrams->pairs, &pair->node);
	datagrams->pairs_count++;
	expect_idleness(datagrams);
	return pair;
}

static void judge(struct datagrams *datagrams, const struct endpoint *to, struct ruling *ret)
{
	const struct decider *decider = &datagrams->network->decider;

	if (place_of(&to->address) == PLACE_HOST)
		decide_host(decider, to->port, POLICY_UDP, ret);
	else
		decide_address(decider, to, POLICY_UDP, clock_now_ms(), ret);
}

static struct pair *admit(struct datagrams *datagrams, const struct endpoint *from,
			  const struct endpoint *to)
{
	struct network *network = datagrams->network;
	struct pair *pair = find_pair(datagrams, from, to);
	enum net_refusal how = NET_REFUSE_PROHIBITED;
	struct ruling ruling;

	if (pair != NULL)
		return pair;
	judge(datagrams, to, &ruling);
	verdicts_connection(&network->verdicts, &ruling, to, POLICY_UDP);
	if (ruling.route == ROUTE_DIRECT) {
		pair = open_pair(datagrams, from, to);
		how = NET_REFUSE_UNREACHABLE;
	}
	if (pair == NULL)
		net_stack_udp_refuse(network->stack, from, to, how);
	return pair;
}

/* An answer of the guest to a client of a published port. */
static void answer_client(struct datagrams *datagrams, const struct endpoint *from,
			  const struct endpoint *to, const struct iovec *parts, int count)
{
	list_for_each (node, next, &datagrams->clients) {
		struct client *client = container_of(node, struct client, node);
		struct sockaddr_storage address;
		struct msghdr message = { .msg_name = &address,
					  .msg_iov = (struct iovec *)parts,
					  .msg_iovlen = (size_t)min_of(count, IOV_MAX) };

		if (client->alias != to->port || client->port->port != from->port)
			continue;
		message.msg_namelen = endpoint_to_sockaddr(&client->from, &address);
		(void)sendmsg(client->port->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		client->used_ms = clock_now_ms();
		return;
	}
	net_stack_udp_refuse(datagrams->network->stack, from, to, NET_REFUSE_RESET);
}

static void ask_resolver(struct datagrams *datagrams, const struct endpoint *from,
			 const struct endpoint *to, const struct iovec *parts, int count,
			 size_t len)
{
	struct iov iov = iov_make(parts, (size_t)count);
	uint8_t query[QUERY_MAX];

	if (len <= sizeof(query) && iov_read(&iov, query, len) == 0)
		resolver_datagram(&datagrams->network->resolver, from, to, query, len);
}

void datagrams_send(struct datagrams *datagrams, const struct endpoint *from,
		    const struct endpoint *to, const struct iovec *parts, int count, size_t len)
{
	const struct msghdr message = { .msg_iov = (struct iovec *)parts,
					.msg_iovlen = (size_t)min_of(count, IOV_MAX) };
	struct pair *pair;

	if (place_of(&to->address) == PLACE_GATEWAY) {
		if (to->port == LINK_DNS_PORT)
			ask_resolver(datagrams, from, to, parts, count, len);
		else
			answer_client(datagrams, from, to, parts, count);
		return;
	}
	pair = admit(datagrams, from, to);
	if (pair == NULL)
		return;
	(void)sendmsg(pair->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	pair->used_ms = clock_now_ms();
	list_remove(&pair->node);
	list_append(&datagrams->pairs, &pair->node);
}

/* ---- into the guest */

static bool is_alias_free(const struct datagrams *datagrams, uint16_t alias)
{
	list_for_each (node, next, &datagrams->clients) {
		if (container_of(node, struct client, node)->alias == alias)
			return false;
	}
	return true;
}

static uint16_t next_alias(struct datagrams *datagrams)
{
	do {
		datagrams->next_port = datagrams->next_port == UINT16_MAX
					       ? FIRST_PORT
					       : (uint16_t)(datagrams->next_port + 1);
	} while (!is_alias_free(datagrams, datagrams->next_port));
	return datagrams->next_port;
}

static struct client *client_of(struct port *port, const struct endpoint *from)
{
	struct datagrams *datagrams = port->datagrams;
	struct client *client;

	list_for_each (node, next, &datagrams->clients) {
		client = container_of(node, struct client, node);
		if (client->port != port || !is_same_endpoint(&client->from, from))
			continue;
		list_remove(node);
		list_append(&datagrams->clients, node);
		return client;
	}
	if (datagrams->clients_count == DATAGRAM_CLIENTS_MAX)
		drop_client(datagrams, container_of(datagrams->clients.next, struct client, node));
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return NULL;
	client->port = port;
	client->from = *from;
	client->alias = next_alias(datagrams);
	list_append(&datagrams->clients, &client->node);
	datagrams->clients_count++;
	expect_idleness(datagrams);
	return client;
}

static void pass_to_guest(struct port *port, const struct endpoint *from, size_t len)
{
	const struct endpoint to = { place_address(PLACE_GUEST, ADDRESS_V4), port->port };
	struct client *client = client_of(port, from);
	struct endpoint alias = { .address = place_address(PLACE_GATEWAY, ADDRESS_V4) };

	if (client == NULL)
		return;
	alias.port = client->alias;
	client->used_ms = clock_now_ms();
	net_stack_udp_send(port->datagrams->network->stack, &alias, &to, received, len);
}

static void port_ready(struct loop_watch *watch, uint32_t events)
{
	struct port *port = container_of(watch, struct port, watch);
	struct network *network = port->datagrams->network;

	(void)events;
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_storage address;
		socklen_t address_len = sizeof(address);
		struct endpoint from;
		ssize_t n = recvfrom(port->fd, received, sizeof(received), MSG_DONTWAIT | MSG_TRUNC,
				     (struct sockaddr *)&address, &address_len);

		if (n < 0)
			break;
		if ((size_t)n <= sizeof(received) && endpoint_from_sockaddr(&address, &from) == 0)
			pass_to_guest(port, &from, (size_t)n);
	}
	network_settle(network);
}

int datagrams_publish(struct datagrams *datagrams, uint64_t id, int fd, uint16_t guest_port)
{
	struct port *port =
		datagrams->ports_count < DATAGRAM_PORTS_MAX ? calloc(1, sizeof(*port)) : NULL;
	int r = port == NULL ? -ENOBUFS : fd_set_nonblock(fd, true);

	if (r == 0)
		r = loop_add(datagrams->network->loop, &port->watch, fd, EPOLLIN, port_ready);
	if (r < 0) {
		free(port);
		(void)close(fd);
		return r;
	}
	port->datagrams = datagrams;
	port->fd = fd;
	port->id = id;
	port->port = guest_port;
	list_append(&datagrams->ports, &port->node);
	datagrams->ports_count++;
	return 0;
}

void datagrams_unpublish(struct datagrams *datagrams, uint64_t id)
{
	list_for_each (node, next, &datagrams->ports) {
		struct port *port = container_of(node, struct port, node);

		if (port->id == id)
			drop_port(port);
	}
}

void datagrams_judge(struct datagrams *datagrams)
{
	list_for_each (node, next, &datagrams->pairs) {
		struct pair *pair = container_of(node, struct pair, node);
		struct ruling ruling;

		judge(datagrams, &pair->to, &ruling);
		if (ruling.route != ROUTE_DIRECT)
			drop_pair(pair);
	}
}

void datagrams_cut(struct datagrams *datagrams)
{
	list_for_each (node, next, &datagrams->pairs)
		drop_pair(container_of(node, struct pair, node));
	list_for_each (client_node, next, &datagrams->clients)
		drop_client(datagrams, container_of(client_node, struct client, node));
}
