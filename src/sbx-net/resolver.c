#include "sbx-net/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/log.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "dns/client.h"
#include "dns/filter.h"
#include "dns/limit.h"
#include "net/stack.h"
#include "sbx-net/network.h"
#include "sbx-net/place.h"
#include "sbx-net/socket.h"
#include "wire/net.h"

enum {
	LOCAL_TTL = 300,  /* seconds, for the names of the link */
	QUERY_MAX = 1024, /* bytes of a query that is looked at */
	STREAMS_MAX = 64,
	PREFIX = 2,		 /* of a message in a stream */
	STREAM_ANSWERS_MAX = 32, /* under way on one stream */
};

/* A connection of the guest by TCP. */
struct stream {
	struct resolver *resolver; /* weak */
	struct list node;
	struct loop_watch watch;
	int fd;		  /* owned */
	unsigned pending; /* requests under way */
	size_t len;
	uint8_t bytes[PREFIX + QUERY_MAX];
};

/* A question of the guest that is asked upstream. */
struct request {
	struct resolver *resolver; /* weak */
	struct list node;
	struct dns_query query;
	struct stream *stream; /* weak; NULL: by UDP, or the stream is gone when `to` has no port */
	struct endpoint from, to;
};

/* A socket to one of the host's resolvers. */
struct exchange {
	struct loop_watch watch;
	struct resolver *resolver; /* weak */
	struct dns_lookup *lookup; /* weak */
	int fd;			   /* owned */
	bool is_stream;
	bool is_connected; /* a stream */
};

static void settle(struct resolver *resolver);

static void timer_expired(struct loop_timer *timer)
{
	settle(container_of(timer, struct resolver, timer));
}

/* Lookups start from the loop, never from within the stack, which may be asking. */
static void run_soon(struct resolver *resolver)
{
	loop_arm(resolver->network->loop, &resolver->timer, clock_now_ms(), timer_expired);
}

/* ---- answers */

static void send_by_stream(struct stream *stream, uint8_t *framed, size_t len)
{
	be16_store(framed, (uint16_t)len);
	/* A guest that does not read its answers loses the connection. */
	if (send(stream->fd, framed, PREFIX + len, MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)(PREFIX + len))
		(void)shutdown(stream->fd, SHUT_RDWR);
}

static void answer(const struct request *request, enum dns_rcode rcode,
		   const struct dns_record *records, size_t count)
{
	static uint8_t framed[PREFIX + DNS_MESSAGE_MAX];
	bool is_stream = request->stream != NULL;
	size_t max = is_stream ? DNS_MESSAGE_MAX : request->query.udp_size;
	size_t len =
		dns_reply_compose(&request->query, rcode, records, count, framed + PREFIX, max);

	if (is_stream)
		send_by_stream(request->stream, framed, len);
	else if (request->to.port != 0)
		net_stack_udp_send(request->resolver->network->stack, &request->to, &request->from,
				   framed + PREFIX, len);
}

static bool admits_address(void *owner, const char *name, const struct address *address)
{
	const struct resolver *resolver = owner;
	const struct decider *decider = &resolver->network->decider;

	return decide_handing_out(decider, name, address) &&
	       (decider->upstream.host != NULL || socket_reaches(address));
}

/* An address that was taken out although its name is allowed: rebinding, or a split horizon. */
static void tell_stripped(struct resolver *resolver, const char *name,
			  const struct address *address)
{
	const struct verdict_event event = { .name = name,
					     .to = { .address = *address },
					     .protocol = POLICY_UDP,
					     .path = NET_PATH_DNS };
	struct policy_verdict verdict = { .decision = POLICY_DENY, .kind = POLICY_UNSAFE };

	if (decide_handing_out(&resolver->network->decider, name, address))
		return; /* only out of reach */
	(void)snprintf(verdict.sentence, sizeof(verdict.sentence),
		       "%s resolves to %s, which no rule names", name,
		       address_kind_name(address_kind(address)));
	verdicts_add(&resolver->network->verdicts, &verdict, &event);
}

/* Returns how many addresses were taken out, the first in ret_stripped. */
static size_t filter_and_pin(struct resolver *resolver, const char *name, uint16_t type,
			     struct dns_answer *reply, struct address *ret_stripped)
{
	const struct dns_filter filter = { .owner = resolver, .admits = admits_address };
	struct dns_pins *pins = resolver->network->decider.pins;
	size_t count = dns_filter_apply(&filter, name, type, reply, ret_stripped);

	for (size_t i = 0; i < reply->count; i++) {
		const struct dns_record *record = &reply->record[i];

		if (record->address.family != ADDRESS_NONE)
			(void)dns_pins_add(pins, name, &record->address, record->ttl,
					   clock_now_ms());
	}
	return count;
}

static void forget_request(struct request *request)
{
	if (request->stream != NULL)
		request->stream->pending--;
	list_remove(&request->node);
	free(request);
}

static void looked_up(void *context, struct dns_answer *reply)
{
	struct request *request = context;
	const struct dns_query *query = &request->query;
	struct policy_verdict verdict;
	struct address stripped;

	/* Rules may have changed while it was asked. */
	decide_name(&request->resolver->network->decider, query->name, &verdict);
	if (verdict.decision != POLICY_ALLOW) {
		answer(request, DNS_REFUSED, NULL, 0);
	} else if (reply == NULL) {
		answer(request, DNS_SERVFAIL, NULL, 0);
	} else {
		if (filter_and_pin(request->resolver, query->name, query->type, reply, &stripped) >
		    0)
			tell_stripped(request->resolver, query->name, &stripped);
		answer(request, reply->rcode, reply->record, reply->count);
	}
	forget_request(request);
}

/* ---- what is asked */

static const struct dns_record *local_record(const struct dns_query *query,
					     struct dns_record *record)
{
	enum place place = place_of_name(query->name);
	const char *target = query->type == DNS_PTR ? place_reverse(query->name) : NULL;

	*record = (struct dns_record){ .type = query->type, .ttl = LOCAL_TTL };
	(void)snprintf(record->name, sizeof(record->name), "%s", query->name);
	if (target != NULL)
		(void)snprintf(record->target, sizeof(record->target), "%s", target);
	else if (place != PLACE_OUTSIDE && query->type == DNS_A)
		record->address = place_address(place, ADDRESS_V4);
	else if (place != PLACE_OUTSIDE && query->type == DNS_AAAA)
		record->address = place_address(place, ADDRESS_V6);
	else
		return NULL;
	return record;
}

static void tell_denied(struct resolver *resolver, const char *name,
			const struct policy_verdict *verdict)
{
	const struct verdict_event event = { .name = name,
					     .protocol = POLICY_UDP,
					     .path = NET_PATH_DNS };

	verdicts_add(&resolver->network->verdicts, verdict, &event);
}

bool resolver_admits(struct resolver *resolver, const char *name, struct policy_verdict *ret)
{
	const struct policy_rule *rule;
	bool is_wildcard;

	decide_name(&resolver->network->decider, name, ret);
	if (ret->decision != POLICY_ALLOW)
		return false;
	rule = ret->rule;
	is_wildcard = rule != NULL && rule->resource.kind == POLICY_NAME &&
		      strpbrk(rule->resource.pattern, "*?[") != NULL;
	if (!is_wildcard || dns_limit_take(resolver->limit, name, clock_now_ms()))
		return true;
	*ret = (struct policy_verdict){ .decision = POLICY_DENY,
					.kind = POLICY_UNSAFE,
					.rule = rule };
	(void)snprintf(ret->sentence, sizeof(ret->sentence),
		       "too many new names beneath %s in a short time, as a tunnel would make them",
		       dns_zone_of(name));
	return false;
}

static void ask_upstream(struct resolver *resolver, const struct request *asked)
{
	struct request *request = malloc(sizeof(*request));

	if (request == NULL ||
	    dns_client_ask(resolver->client, asked->query.name, asked->query.type, looked_up,
			   request, clock_now_ms()) < 0) {
		free(request);
		answer(asked, DNS_SERVFAIL, NULL, 0);
		return;
	}
	*request = *asked;
	list_init(&request->node);
	list_append(&resolver->requests, &request->node);
	if (request->stream != NULL)
		request->stream->pending++;
	run_soon(resolver);
}

static void serve_query(struct resolver *resolver, const struct request *asked)
{
	const struct dns_query *query = &asked->query;
	struct policy_verdict verdict;
	struct dns_record record;

	if (local_record(query, &record) != NULL) {
		answer(asked, DNS_NOERROR, &record, 1);
	} else if (place_of_name(query->name) != PLACE_OUTSIDE) {
		answer(asked, DNS_NOERROR, NULL, 0);
	} else if (!resolver_admits(resolver, query->name, &verdict)) {
		tell_denied(resolver, query->name, &verdict);
		answer(asked, DNS_REFUSED, NULL, 0);
	} else {
		switch (dns_treatment_of(query->type)) {
		case DNS_ASK:
			ask_upstream(resolver, asked);
			break;
		case DNS_EMPTY:
			answer(asked, DNS_NOERROR, NULL, 0);
			break;
		case DNS_DECLINE:
			answer(asked, DNS_REFUSED, NULL, 0);
			break;
		}
	}
}

static void serve(struct resolver *resolver, struct request *asked, const uint8_t *bytes,
		  size_t len)
{
	int r = dns_query_parse(bytes, len, &asked->query);

	if (r < 0)
		return;
	if (r > 0)
		answer(asked, (enum dns_rcode)r, NULL, 0);
	else
		serve_query(resolver, asked);
}

void resolver_datagram(struct resolver *resolver, const struct endpoint *from,
		       const struct endpoint *to, const uint8_t *bytes, size_t len)
{
	struct request asked = { .resolver = resolver, .from = *from, .to = *to };

	if (len <= QUERY_MAX)
		serve(resolver, &asked, bytes, len);
}

/* ---- streams of the guest */

static void close_stream(struct stream *stream)
{
	struct resolver *resolver = stream->resolver;

	list_for_each (node, next, &resolver->requests) {
		struct request *request = container_of(node, struct request, node);

		if (request->stream == stream)
			request->stream = NULL;
	}
	loop_remove(&stream->watch);
	list_remove(&stream->node);
	resolver->streams_count--;
	(void)close(stream->fd);
	free(stream);
}

/* Serves whole messages; false: the stream breaks the rules. */
static bool serve_stream(struct stream *stream)
{
	size_t at = 0, size;

	while (stream->len - at >= PREFIX) {
		struct request asked = { .resolver = stream->resolver, .stream = stream };

		size = be16_load(stream->bytes + at);
		if (size > QUERY_MAX || stream->pending >= STREAM_ANSWERS_MAX)
			return false;
		if (stream->len - at - PREFIX < size)
			break;
		serve(stream->resolver, &asked, stream->bytes + at + PREFIX, size);
		at += PREFIX + size;
	}
	stream->len -= at;
	memmove(stream->bytes, stream->bytes + at, stream->len);
	return true;
}

static void stream_said(struct loop_watch *watch, uint32_t events)
{
	struct stream *stream = container_of(watch, struct stream, watch);
	struct network *network = stream->resolver->network;
	ssize_t n = recv(stream->fd, stream->bytes + stream->len,
			 sizeof(stream->bytes) - stream->len, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		stream->len += (size_t)n;
	if (n <= 0 || !serve_stream(stream))
		close_stream(stream);
	network_settle(network);
}

int resolver_serve(struct resolver *resolver, int fd)
{
	struct stream *stream =
		resolver->streams_count < STREAMS_MAX ? calloc(1, sizeof(*stream)) : NULL;
	int r = stream == NULL ? -ENOBUFS
			       : loop_add(resolver->network->loop, &stream->watch, fd, EPOLLIN,
					  stream_said);

	if (r < 0) {
		free(stream);
		(void)close(fd);
		return r;
	}
	stream->resolver = resolver;
	stream->fd = fd;
	list_append(&resolver->streams, &stream->node);
	resolver->streams_count++;
	return 0;
}

/* ---- sockets to the host's resolvers */

static void exchange_ready(struct loop_watch *watch, uint32_t events)
{
	static uint8_t bytes[DNS_MESSAGE_MAX];
	struct exchange *exchange = container_of(watch, struct exchange, watch);
	struct resolver *resolver = exchange->resolver;
	ssize_t n;

	if (exchange->is_stream && !exchange->is_connected) {
		exchange->is_connected = true;
		(void)loop_change(watch, EPOLLIN);
		if (socket_error(exchange->fd) < 0)
			dns_lookup_failed(exchange->lookup);
		else
			dns_lookup_writable(exchange->lookup);
		settle(resolver);
		return;
	}
	(void)events;
	n = recv(exchange->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n == 0 && exchange->is_stream))
		dns_lookup_failed(exchange->lookup);
	else
		dns_lookup_received(exchange->lookup, bytes, (size_t)n);
	settle(resolver);
}

static int world_open(void *world, struct dns_lookup *lookup, const struct endpoint *resolver,
		      bool is_stream, void **ret_tag)
{
	struct resolver *owner = world;
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	int fd = -1, r;

	if (exchange == NULL)
		return -ENOMEM;
	r = socket_connect(resolver, is_stream ? SOCK_STREAM : SOCK_DGRAM, &fd);
	if (r == 0)
		r = loop_add(owner->network->loop, &exchange->watch, fd,
			     is_stream ? EPOLLOUT : EPOLLIN, exchange_ready);
	if (r < 0) {
		if (fd >= 0)
			(void)close(fd);
		free(exchange);
		return r;
	}
	exchange->resolver = owner;
	exchange->lookup = lookup;
	exchange->fd = fd;
	exchange->is_stream = is_stream;
	*ret_tag = exchange;
	return 0;
}

static int world_send(void *world, void *tag, const uint8_t *bytes, size_t len)
{
	const struct exchange *exchange = tag;
	ssize_t n = send(exchange->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)world;
	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

static void world_close(void *world, void *tag)
{
	struct exchange *exchange = tag;

	(void)world;
	loop_remove(&exchange->watch);
	(void)close(exchange->fd);
	free(exchange);
}

/* getrandom(2) never fails for so few bytes once the pool is ready. */
static void world_random(void *world, void *to, size_t len)
{
	(void)world;
	while (getrandom(to, len, 0) != (ssize_t)len)
		;
}

static const struct dns_world resolver_world = {
	.open = world_open,
	.send = world_send,
	.close = world_close,
	.random = world_random,
};

/* Runs the lookups, and what their answers set going. */
static void settle(struct resolver *resolver)
{
	uint64_t next = dns_client_tick(resolver->client, clock_now_ms());

	if (next == UINT64_MAX)
		loop_disarm(&resolver->timer);
	else
		loop_arm(resolver->network->loop, &resolver->timer, next, timer_expired);
	network_settle(resolver->network);
}

/* ---- lookups for dials */

struct resolving {
	struct resolver *resolver; /* weak */
	struct list node;
	resolved_fn *done;
	void *context;
	enum address_family family;
	bool is_free;
	char name[DNS_NAME_MAX + 1];
};

static void resolved(void *context, struct dns_answer *reply)
{
	struct resolving *resolving = context;
	struct address addresses[RESOLVED_MAX];
	uint16_t type = resolving->family == ADDRESS_V4 ? DNS_A : DNS_AAAA;
	struct address stripped;
	size_t count = 0, taken_out = 0;

	if (reply != NULL && !resolving->is_free)
		taken_out = filter_and_pin(resolving->resolver, resolving->name, type, reply,
					   &stripped);
	for (size_t i = 0; reply != NULL && i < reply->count && count < RESOLVED_MAX; i++) {
		if (reply->record[i].type == type)
			addresses[count++] = reply->record[i].address;
	}
	list_remove(&resolving->node);
	if (resolving->done != NULL)
		resolving->done(resolving->context, addresses, count,
				taken_out > 0 ? &stripped : NULL);
	free(resolving);
}

int resolver_resolve(struct resolver *resolver, const char *name, enum address_family family,
		     bool is_free, resolved_fn *done, void *context)
{
	struct resolving *resolving = calloc(1, sizeof(*resolving));
	int r;

	if (resolving == NULL)
		return -ENOMEM;
	r = dns_client_ask(resolver->client, name, family == ADDRESS_V4 ? DNS_A : DNS_AAAA,
			   resolved, resolving, clock_now_ms());
	if (r < 0) {
		free(resolving);
		return r;
	}
	resolving->resolver = resolver;
	resolving->done = done;
	resolving->context = context;
	resolving->family = family;
	resolving->is_free = is_free;
	(void)snprintf(resolving->name, sizeof(resolving->name), "%s", name);
	list_append(&resolver->resolvings, &resolving->node);
	run_soon(resolver);
	return 0;
}

void resolver_cancel(struct resolver *resolver, const void *context)
{
	list_for_each (node, next, &resolver->resolvings) {
		struct resolving *resolving = container_of(node, struct resolving, node);

		if (resolving->context == context)
			resolving->done = NULL;
	}
}

int resolver_init(struct resolver *resolver, struct network *network)
{
	uint64_t seed;
	int r;

	*resolver = (struct resolver){ .network = network };
	list_init(&resolver->requests);
	list_init(&resolver->streams);
	list_init(&resolver->resolvings);
	world_random(resolver, &seed, sizeof(seed));
	r = dns_limit_create(seed, &resolver->limit);
	return r < 0 ? r : dns_client_create(&resolver_world, resolver, &resolver->client);
}

void resolver_finish(struct resolver *resolver)
{
	if (resolver->network == NULL)
		return;
	loop_disarm(&resolver->timer);
	dns_client_destroy(resolver->client);
	dns_limit_destroy(resolver->limit);
	list_for_each (node, next, &resolver->streams)
		close_stream(container_of(node, struct stream, node));
	list_for_each (request, next, &resolver->requests)
		free(container_of(request, struct request, node));
	list_for_each (resolving, next, &resolver->resolvings)
		free(container_of(resolving, struct resolving, node));
}

void resolver_set_host(struct resolver *resolver, const struct net_message *message)
{
	struct endpoint endpoints[DNS_RESOLVERS_MAX];
	size_t count = 0;

	for (char **text = message->resolvers; text != NULL && *text != NULL; text++) {
		if (count < countof(endpoints) && endpoint_parse(*text, &endpoints[count]) == 0)
			count++;
		else
			log_warning("resolver '%s' is not used", *text);
	}
	dns_client_set_resolvers(resolver->client, endpoints, count);
}
