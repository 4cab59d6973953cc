#include "sbxd/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/list.h"
#include "sbxd/network.h"
#include "sbxd/sandbox.h"
#include "sbxd/supervisor.h"
#include "wire/net.h"

enum { BACKLOG = 128, EVENTS = 32, ACCEPTS = 16, STACK_BYTES = 128 * 1024 };

struct listener {
	struct list node;
	uint64_t number;	 /* in epoll's events; never used twice */
	int fd;			 /* owned */
	struct sandbox *sandbox; /* a reference */
	struct published published;
};

struct ports {
	pthread_mutex_t lock; /* all below */
	int epoll;	      /* owned */
	struct list listeners;
	uint64_t last_number;
};

static struct listener *of_node(struct list *node)
{
	return container_of(node, struct listener, node);
}

static bool is_same(const struct listener *listener, const struct sandbox *sandbox,
		    const struct published *published)
{
	return listener->sandbox == sandbox &&
	       listener->published.guest_port == published->guest_port &&
	       published_collide(&listener->published, published);
}

/* Level-triggered for connections; a datagram is told of once, until the sandbox rests again. */
static int arm(struct ports *ports, const struct listener *listener, int operation)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = listener->number } };

	if (published_is_udp(&listener->published))
		event.events |= EPOLLONESHOT;
	return epoll_ctl(ports->epoll, operation, listener->fd, &event) < 0 ? -errno : 0;
}

static struct listener *find_number(struct ports *ports, uint64_t number)
{
	list_for_each (node, tmp, &ports->listeners)
		if (of_node(node)->number == number)
			return of_node(node);
	return NULL;
}

/* Starts it unless it runs or is about to; the answer is for nobody. Not with a lock held. */
static void wake(struct sandbox *sandbox)
{
	struct sandbox_ticket ticket;
	struct err err = ERR_INIT;

	if (sandbox_request(sandbox, SANDBOX_START, 0, &ticket, &err) < 0) {
		log_warning("sandbox '%s' is not started for a published port: %s",
			    sandbox->record.name, err.text);
		ports_drop_connections(sandbox);
	}
}

/* Into the queue of the sandbox; one more than it holds is closed. */
static void queue_connection(struct sandbox *sandbox, int fd, uint16_t port)
{
	bool is_full;

	(void)pthread_mutex_lock(&sandbox->lock);
	is_full = sandbox->arrivals_count == SANDBOX_ARRIVALS_MAX;
	if (!is_full) {
		sandbox->arrivals[sandbox->arrivals_count++] =
			(struct sandbox_arrival){ .fd = fd,
						  .port = port,
						  .is_early = sandbox->record.status !=
							      SANDBOX_RUNNING };
		sandbox_poke(sandbox);
	}
	(void)pthread_mutex_unlock(&sandbox->lock);
	if (is_full)
		(void)close(fd);
}

static void accept_all(const struct listener *listener)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		queue_connection(listener->sandbox, fd, listener->published.guest_port);
	}
}

/* The sandbox that must run now, a reference; NULL: none. */
static struct sandbox *serve(struct ports *ports, uint64_t number)
{
	struct sandbox *sandbox = NULL;
	struct listener *listener;

	(void)pthread_mutex_lock(&ports->lock);
	listener = find_number(ports, number);
	if (listener != NULL) {
		if (!published_is_udp(&listener->published))
			accept_all(listener);
		sandbox = supervisor_get(listener->sandbox);
	}
	(void)pthread_mutex_unlock(&ports->lock);
	return sandbox;
}

static void *listen_for_all(void *context)
{
	struct ports *ports = context;

	for (;;) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(ports->epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			struct sandbox *sandbox = serve(ports, events[i].data.u64);

			if (sandbox == NULL)
				continue;
			wake(sandbox);
			supervisor_put(sandbox);
		}
	}
	return NULL;
}

static int start_thread(struct ports *ports)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&thread, &attributes, listen_for_all, ports);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

int ports_create(struct ports **ret)
{
	struct ports *ports = calloc(1, sizeof(*ports));
	int r;

	if (ports == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&ports->lock, NULL);
	list_init(&ports->listeners);
	ports->epoll = epoll_create1(EPOLL_CLOEXEC);
	r = ports->epoll < 0 ? -errno : start_thread(ports);
	if (r < 0) {
		if (ports->epoll >= 0)
			(void)close(ports->epoll);
		free(ports);
		return r;
	}
	*ret = ports;
	return 0;
}

static int set_flag(int fd, int level, int name)
{
	int on = 1;

	return setsockopt(fd, level, name, &on, sizeof(on)) < 0 ? -errno : 0;
}

/*
 * SO_REUSEADDR: a port whose connections were just closed is free, and a UDP port can be
 * taken back from an sbx-net that holds it for a daemon that was killed.
 */
static int open_socket(const struct published *published, int *ret_fd)
{
	bool is_udp = published_is_udp(published);
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(&published->host, &address);
	autoclose int fd =
		socket(address.ss_family,
		       (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : set_flag(fd, SOL_SOCKET, SO_REUSEADDR);

	if (r == 0 && address.ss_family == AF_INET6)
		r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (r == 0 && bind(fd, (const struct sockaddr *)&address, len) < 0)
		r = -errno;
	if (r == 0 && !is_udp && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

static int explain(const struct published *published, int code, struct err *err)
{
	char host[ENDPOINT_TEXT_MAX];
	const char *protocol = published_is_udp(published) ? "udp" : "tcp";

	endpoint_format(&published->host, host);
	if (code == -EEXIST)
		return err_set(err, -EEXIST, "publish port: port %s/%s is already published", host,
			       protocol);
	if (code == -EADDRINUSE)
		return err_set(err, -EBUSY,
			       "publish port: port %s/%s is in use on this host; choose another or "
			       "leave it out for any",
			       host, protocol);
	if (code == -EACCES)
		return err_set(err, -EINVAL,
			       "publish port: port %s/%s needs privileges that sbxd does not have; "
			       "choose one from 1024 on",
			       host, protocol);
	if (code == -EADDRNOTAVAIL)
		return err_set(err, -EINVAL, "publish port: %s is no address of this host", host);
	return err_set_errno(err, code, "publish port: cannot listen at %s/%s", host, protocol);
}

static int find_port(struct listener *listener)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(listener->fd, (struct sockaddr *)&address, &len) < 0)
		return -errno;
	return endpoint_from_sockaddr(&address, &listener->published.host);
}

/* Lock held. */
static bool is_taken(struct ports *ports, const struct published *published)
{
	list_for_each (node, tmp, &ports->listeners)
		if (published_collide(&of_node(node)->published, published))
			return true;
	return false;
}

/* Lock held. */
static int open_listener(struct ports *ports, struct sandbox *sandbox,
			 const struct published *published, struct published *ret)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int r = listener == NULL ? -ENOMEM : is_taken(ports, published) ? -EEXIST : 0;

	if (r == 0) {
		listener->published = *published;
		listener->number = ++ports->last_number;
		r = open_socket(published, &listener->fd);
	}
	if (r < 0) {
		free(listener);
		return r;
	}
	r = find_port(listener);
	if (r == 0)
		r = arm(ports, listener, EPOLL_CTL_ADD);
	if (r < 0) {
		(void)close(listener->fd);
		free(listener);
		return r;
	}
	listener->sandbox = supervisor_get(sandbox);
	list_append(&ports->listeners, &listener->node);
	*ret = listener->published;
	return 0;
}

int ports_open(struct ports *ports, struct sandbox *sandbox, const struct published *published,
	       struct published *ret, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&ports->lock);
	r = open_listener(ports, sandbox, published, ret);
	(void)pthread_mutex_unlock(&ports->lock);
	return r < 0 ? explain(published, r, err) : 0;
}

/* Lock held. */
static void close_listener(struct listener *listener)
{
	list_remove(&listener->node);
	(void)close(listener->fd);
	supervisor_put(listener->sandbox);
	free(listener);
}

void ports_close(struct ports *ports, struct sandbox *sandbox, const struct published *published)
{
	(void)pthread_mutex_lock(&ports->lock);
	list_for_each (node, tmp, &ports->listeners)
		if (is_same(of_node(node), sandbox, published))
			close_listener(of_node(node));
	(void)pthread_mutex_unlock(&ports->lock);
}

void ports_close_all(struct ports *ports, struct sandbox *sandbox)
{
	(void)pthread_mutex_lock(&ports->lock);
	list_for_each (node, tmp, &ports->listeners)
		if (of_node(node)->sandbox == sandbox)
			close_listener(of_node(node));
	(void)pthread_mutex_unlock(&ports->lock);
}

bool ports_is_open(struct ports *ports, const struct sandbox *sandbox,
		   const struct published *published)
{
	bool found = false;

	(void)pthread_mutex_lock(&ports->lock);
	list_for_each (node, tmp, &ports->listeners)
		found |= is_same(of_node(node), sandbox, published);
	(void)pthread_mutex_unlock(&ports->lock);
	return found;
}

/* Any port that was found before is tried first. */
static int open_again(struct ports *ports, struct sandbox *sandbox, struct published *published,
		      struct err *err)
{
	struct published any = *published;
	int r = ports_open(ports, sandbox, published, published, err);

	if (r == 0 || !published->is_any)
		return r;
	any.host.port = 0;
	return ports_open(ports, sandbox, &any, published, err);
}

int ports_open_record(struct ports *ports, struct sandbox *sandbox, bool all, struct err *err)
{
	struct published_list list;

	(void)pthread_mutex_lock(&sandbox->lock);
	list = sandbox->record.ports;
	(void)pthread_mutex_unlock(&sandbox->lock);
	for (size_t i = 0; i < list.count; i++) {
		int r = open_again(ports, sandbox, &list.items[i], err);

		if (r < 0 && all) {
			ports_close_all(ports, sandbox);
			return r;
		}
		if (r < 0)
			log_warning("sandbox '%s': %s", sandbox->record.name, err->text);
	}
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->record.ports = list;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return 0;
}

/* FNV-1a of what makes it one port. */
uint64_t ports_id(const struct published *published)
{
	const struct endpoint *host = &published->host;
	uint64_t hash = 0xcbf29ce484222325;
	const uint8_t rest[] = { (uint8_t)published->protocol, (uint8_t)(host->port >> 8),
				 (uint8_t)host->port };

	for (size_t i = 0; i < sizeof(host->address.bytes); i++)
		hash = (hash ^ host->address.bytes[i]) * 0x100000001b3;
	for (size_t i = 0; i < sizeof(rest); i++)
		hash = (hash ^ rest[i]) * 0x100000001b3;
	return hash;
}

static int take_back(struct network *network, uint64_t id)
{
	const struct net_message message = { .type = NET_UNLISTEN_UDP, .id = id };

	return network_send_net(network, &message, -1);
}

/* One that an earlier daemon handed over is replaced. */
static void hand_over_socket(const struct listener *listener, struct network *network)
{
	const struct net_message message = { .type = NET_LISTEN_UDP,
					     .id = ports_id(&listener->published),
					     .port = listener->published.guest_port };

	if (network->udp_count == PUBLISHED_MAX || take_back(network, message.id) < 0 ||
	    network_send_net(network, &message, listener->fd) < 0)
		log_warning("sbx-net does not take a published port");
	else
		network->udp[network->udp_count++] = message.id;
}

void ports_hand_over_sockets(struct ports *ports, struct sandbox *sandbox, struct network *network)
{
	for (size_t i = 0; i < network->udp_count; i++)
		(void)take_back(network, network->udp[i]);
	network->udp_count = 0;
	(void)pthread_mutex_lock(&ports->lock);
	list_for_each (node, tmp, &ports->listeners)
		if (of_node(node)->sandbox == sandbox &&
		    published_is_udp(&of_node(node)->published))
			hand_over_socket(of_node(node), network);
	(void)pthread_mutex_unlock(&ports->lock);
}

/* Takes the queue, to be worked on without the lock. */
static size_t take_arrivals(struct sandbox *sandbox,
			    struct sandbox_arrival ret[SANDBOX_ARRIVALS_MAX])
{
	size_t count;

	(void)pthread_mutex_lock(&sandbox->lock);
	count = sandbox->arrivals_count;
	for (size_t i = 0; i < count; i++)
		ret[i] = sandbox->arrivals[i];
	sandbox->arrivals_count = 0;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return count;
}

void ports_hand_over_connections(struct sandbox *sandbox, struct network *network)
{
	struct sandbox_arrival arrivals[SANDBOX_ARRIVALS_MAX];
	size_t count = take_arrivals(sandbox, arrivals);

	for (size_t i = 0; i < count; i++) {
		const struct net_message message = { .type = NET_CONNECT,
						     .port = arrivals[i].port,
						     .flags = arrivals[i].is_early
								      ? NET_FLAG_PATIENT
								      : 0 };

		if (network_send_net(network, &message, arrivals[i].fd) < 0)
			log_warning("sandbox '%s': sbx-net does not take a connection",
				    sandbox->record.name);
		(void)close(arrivals[i].fd);
	}
}

void ports_drop_connections(struct sandbox *sandbox)
{
	struct sandbox_arrival arrivals[SANDBOX_ARRIVALS_MAX];
	size_t count = take_arrivals(sandbox, arrivals);

	for (size_t i = 0; i < count; i++)
		(void)close(arrivals[i].fd);
}

void ports_rest(struct ports *ports, struct sandbox *sandbox)
{
	(void)pthread_mutex_lock(&ports->lock);
	list_for_each (node, tmp, &ports->listeners)
		if (of_node(node)->sandbox == sandbox &&
		    published_is_udp(&of_node(node)->published))
			(void)arm(ports, of_node(node), EPOLL_CTL_MOD);
	(void)pthread_mutex_unlock(&ports->lock);
}
