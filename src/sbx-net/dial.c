/*
 * A dial goes through these states:
 *
 *	resolving   lookups are under way; their addresses are gathered.
 *	connecting  one address after the other is tried, IPv6 first; the next one
 *	            when the one before failed or has taken ATTEMPT_MS.
 *
 * An answer, good or bad, ends it.
 */
#include "sbx-net/dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "sbx-net/network.h"
#include "sbx-net/place.h"
#include "sbx-net/socket.h"
#include "wire/net.h"

enum {
	ATTEMPT_MS = 2000,
	LAST_ATTEMPT_MS = 30000,
	CANDIDATES_MAX = RESOLVED_MAX,
};

struct dial {
	struct dials *dials; /* weak */
	struct list node;
	uint64_t id, flow;		/* of the ask */
	char name[POLICY_NAME_MAX + 1]; /* "": none */
	uint16_t port;
	bool is_host;	  /* host.docker.internal */
	bool is_opaque;	  /* no name was found in the flow */
	bool is_upstream; /* the host's own proxy is dialled; it dials the name */
	unsigned lookups; /* under way */
	struct endpoint candidate[CANDIDATES_MAX];
	size_t candidates, tried;
	uint64_t generation; /* of the rules when the first candidate was judged */
	bool is_denied;	     /* some address was kept back by the policy: why */
	char denied_rule[POLICY_ID_MAX + 1], denied_text[POLICY_SENTENCE_MAX];
	int fd; /* owned, connecting; -1 */
	struct loop_watch watch;
	struct loop_timer timer;
};

void dials_init(struct dials *dials, struct network *network)
{
	*dials = (struct dials){ .network = network };
	list_init(&dials->list);
}

static void close_attempt(struct dial *dial)
{
	loop_remove(&dial->watch);
	loop_disarm(&dial->timer);
	if (dial->fd >= 0)
		(void)close(take_fd(&dial->fd));
}

static void drop(struct dial *dial)
{
	close_attempt(dial);
	if (dial->lookups > 0)
		resolver_cancel(&dial->dials->network->resolver, dial);
	list_remove(&dial->node);
	dial->dials->count--;
	free(dial);
}

void dials_finish(struct dials *dials)
{
	if (dials->network == NULL)
		return;
	list_for_each (node, next, &dials->list)
		drop(container_of(node, struct dial, node));
}

/* ---- answers */

static void tell_failure(struct dials *dials, uint64_t id, int error, const char *text)
{
	const struct net_message answer = {
		.type = NET_DIALLED, .id = id, .error = (uint32_t)-error, .text = (char *)text
	};

	proxy_link_dialled(&dials->network->proxy, &answer, -1);
}

static void fail(struct dial *dial, int error, const char *text)
{
	tell_failure(dial->dials, dial->id, error, text);
	drop(dial);
}

static void deny_by(struct dial *dial, const char *rule, const char *text)
{
	const struct net_message answer = { .type = NET_DIALLED,
					    .id = dial->id,
					    .error = EACCES,
					    .rule = (char *)rule,
					    .text = (char *)text };

	proxy_link_dialled(&dial->dials->network->proxy, &answer, -1);
	drop(dial);
}

static void deny(struct dial *dial, const struct policy_verdict *verdict)
{
	deny_by(dial, verdict->rule == NULL ? NULL : verdict->rule->id, verdict->sentence);
}

/* A transparent flow is judged by where it goes itself, the host by its own rule. */
static bool is_remembered(const struct dial *dial, const struct outside *outside)
{
	return place_of(&outside->to.address) == PLACE_GATEWAY && !dial->is_upstream &&
	       !dial->is_host;
}

static void succeed(struct dial *dial)
{
	struct network *network = dial->dials->network;
	struct outside *outside = outsides_find(&network->outsides, dial->flow);
	const struct endpoint *to = &dial->candidate[dial->tried - 1];
	const struct net_message answer = { .type = NET_DIALLED,
					    .id = dial->id,
					    .flags =
						    dial->is_upstream ? NET_FLAG_VIA_UPSTREAM : 0 };

	if (dial->generation != network->decider.generation) {
		fail(dial, -EAGAIN, "the rules changed while the connection was made; try again");
		return;
	}
	loop_remove(&dial->watch);
	if (outside != NULL && is_remembered(dial, outside))
		outside_dialled(outside, to,
				dns_pins_find(network->decider.pins, dial->name, &to->address,
					      clock_now_ms()));
	proxy_link_dialled(&network->proxy, &answer, take_fd(&dial->fd));
	drop(dial);
}

/* ---- connecting */

static void try_next(struct dial *dial, int error);

static void connected(struct loop_watch *watch, uint32_t events)
{
	struct dial *dial = container_of(watch, struct dial, watch);
	struct network *network = dial->dials->network;
	int r = socket_error(dial->fd);

	(void)events;
	if (r == 0)
		succeed(dial);
	else
		try_next(dial, r);
	network_settle(network);
}

static void took_long(struct loop_timer *timer)
{
	struct dial *dial = container_of(timer, struct dial, timer);
	struct network *network = dial->dials->network;

	try_next(dial, -ETIMEDOUT);
	network_settle(network);
}

static int start_attempt(struct dial *dial, const struct endpoint *to)
{
	struct loop *loop = dial->dials->network->loop;
	int r = socket_connect(to, SOCK_STREAM, &dial->fd);

	if (r < 0)
		return r;
	r = loop_add(loop, &dial->watch, dial->fd, EPOLLOUT, connected);
	if (r < 0)
		return r;
	loop_arm(loop, &dial->timer,
		 clock_now_ms() + (dial->tried == dial->candidates ? LAST_ATTEMPT_MS : ATTEMPT_MS),
		 took_long);
	return 0;
}

/* To the next candidate; at their end the answer is why the last one failed. */
static void try_next(struct dial *dial, int error)
{
	char text[128];

	close_attempt(dial);
	while (dial->tried < dial->candidates) {
		error = start_attempt(dial, &dial->candidate[dial->tried++]);
		if (error == 0)
			return;
		close_attempt(dial);
	}
	if (dial->is_denied && dial->candidates == 0) {
		deny_by(dial, dial->denied_rule, dial->denied_text);
		return;
	}
	(void)snprintf(text, sizeof(text), "no connection: %s", strerror(-error));
	fail(dial, error, text);
}

static void add_candidate(struct dial *dial, const struct address *address, uint16_t port)
{
	const struct endpoint to = { .address = *address, .port = port };

	if (dial->candidates == 0)
		dial->generation = dial->dials->network->decider.generation;
	if (dial->candidates < CANDIDATES_MAX)
		dial->candidate[dial->candidates++] = to;
}

/* An address of the name, if the policy lets the name be reached there. */
static void consider(struct dial *dial, const struct address *address)
{
	const struct endpoint to = { .address = *address, .port = dial->port };
	struct policy_verdict verdict;

	decide_dial(&dial->dials->network->decider, dial->name, &to, false, clock_now_ms(),
		    &verdict);
	if (verdict.decision == POLICY_ALLOW) {
		add_candidate(dial, address, dial->port);
	} else {
		dial->is_denied = true;
		(void)snprintf(dial->denied_rule, sizeof(dial->denied_rule), "%s",
			       verdict.rule == NULL ? "" : verdict.rule->id);
		memcpy(dial->denied_text, verdict.sentence, sizeof(dial->denied_text));
	}
}

/* ---- resolving */

static int family_order(const void *a, const void *b)
{
	const struct endpoint *left = a, *right = b;

	return (right->address.family == ADDRESS_V6) - (left->address.family == ADDRESS_V6);
}

/* All candidates are known. */
static void start(struct dial *dial)
{
	qsort(dial->candidate, dial->candidates, sizeof(dial->candidate[0]), family_order);
	try_next(dial, -EHOSTUNREACH);
}

static void resolved(void *context, const struct address *addresses, size_t count,
		     const struct address *stripped)
{
	struct dial *dial = context;
	const struct decider *decider = &dial->dials->network->decider;

	dial->lookups--;
	for (size_t i = 0; i < count; i++) {
		if (dial->is_upstream)
			add_candidate(dial, &addresses[i], decider->upstream.port);
		else
			consider(dial, &addresses[i]);
	}
	/* So that the answer says why. */
	if (stripped != NULL)
		consider(dial, stripped);
	if (dial->lookups > 0)
		return;
	if (dial->candidates == 0 && !dial->is_denied) {
		fail(dial, -EHOSTUNREACH, "the name has no address");
		return;
	}
	start(dial);
}

static void look_up(struct dial *dial, const char *name)
{
	struct resolver *resolver = &dial->dials->network->resolver;
	int r6, r4;

	r6 = resolver_resolve(resolver, name, ADDRESS_V6, dial->is_upstream, resolved, dial);
	r4 = resolver_resolve(resolver, name, ADDRESS_V4, dial->is_upstream, resolved, dial);
	dial->lookups = (unsigned)(r6 == 0) + (unsigned)(r4 == 0);
	if (dial->lookups > 0)
		return;
	fail(dial, r4, "the name cannot be looked up now");
}

/* What was resolved a moment ago need not be asked for again. */
static bool use_pins(struct dial *dial)
{
	struct address addresses[CANDIDATES_MAX];
	size_t count = dns_pins_fresh(dial->dials->network->decider.pins, dial->name, addresses,
				      countof(addresses), clock_now_ms());

	for (size_t i = 0; i < count; i++)
		consider(dial, &addresses[i]);
	if (dial->candidates == 0)
		return false;
	start(dial);
	return true;
}

/* ---- what is asked */

static void dial_upstream(struct dial *dial)
{
	const struct upstream *upstream = &dial->dials->network->decider.upstream;
	struct address address;

	dial->is_upstream = true;
	if (address_parse(upstream->host, &address) < 0) {
		look_up(dial, upstream->host);
		return;
	}
	add_candidate(dial, &address, upstream->port);
	try_next(dial, 0);
}

static void dial_host(struct dial *dial)
{
	const struct address v4 = place_loopback(ADDRESS_V4), v6 = place_loopback(ADDRESS_V6);
	struct ruling ruling;

	decide_host(&dial->dials->network->decider, dial->port, POLICY_TCP, &ruling);
	if (ruling.verdict.decision != POLICY_ALLOW) {
		deny(dial, &ruling.verdict);
		return;
	}
	if (ruling.verdict.needs_http && dial->is_opaque) {
		deny_by(dial, ruling.verdict.rule == NULL ? NULL : ruling.verdict.rule->id,
			"HTTP rules exist for this service, and this connection is not HTTP");
		return;
	}
	dial->is_host = true;
	add_candidate(dial, &v4, dial->port);
	add_candidate(dial, &v6, dial->port);
	try_next(dial, 0);
}

/* Exactly where the guest wanted to go. */
static void dial_address(struct dial *dial, const struct address *address, bool is_given)
{
	const struct endpoint to = { .address = *address, .port = dial->port };
	const struct decider *decider = &dial->dials->network->decider;
	const char *name = dial->name[0] == '\0' ? NULL : dial->name;
	struct policy_verdict verdict;

	decide_dial(decider, name, &to, is_given, clock_now_ms(), &verdict);
	if (verdict.decision != POLICY_ALLOW) {
		deny(dial, &verdict);
	} else if (decider_goes_upstream(decider, name, &to)) {
		dial_upstream(dial);
	} else {
		add_candidate(dial, address, dial->port);
		try_next(dial, 0);
	}
}

static void dial_name(struct dial *dial)
{
	const struct decider *decider = &dial->dials->network->decider;
	const struct endpoint to = { .port = dial->port };
	struct policy_verdict verdict;

	decide_dial(decider, dial->name, &to, false, clock_now_ms(), &verdict);
	if (verdict.decision != POLICY_ALLOW) {
		deny(dial, &verdict);
	} else if (decider_goes_upstream(decider, dial->name, &to)) {
		dial_upstream(dial);
	} else if (!use_pins(dial)) {
		if (resolver_admits(&dial->dials->network->resolver, dial->name, &verdict))
			look_up(dial, dial->name);
		else
			deny(dial, &verdict);
	}
}

static bool is_host_name(const char *name)
{
	return place_of_name(name) == PLACE_HOST || strcmp(name, "localhost") == 0;
}

/* Nothing in the flow says which host is meant. */
static void dial_opaque(struct dial *dial, const struct endpoint *to)
{
	const struct decider *decider = &dial->dials->network->decider;
	struct policy_verdict verdict;

	decide_opaque(decider, to, clock_now_ms(), &verdict);
	if (verdict.decision != POLICY_ALLOW) {
		deny(dial, &verdict);
	} else if (decider_goes_upstream(decider, NULL, to)) {
		dial_upstream(dial);
	} else {
		add_candidate(dial, &to->address, to->port);
		try_next(dial, 0);
	}
}

/* A flow that the guest opened to an address: no other address is dialled for it. */
static void dial_given(struct dial *dial, const struct outside *outside,
		       const struct address *literal)
{
	enum place place = place_of(&outside->to.address);

	if (dial->port != outside->to.port) {
		fail(dial, -EINVAL, "the port is not the flow's");
	} else if (literal->family != ADDRESS_NONE &&
		   !address_equal(literal, &outside->to.address)) {
		deny_by(dial, NULL, "the request names another address than the connection's");
	} else if (place == PLACE_HOST) {
		dial_host(dial);
	} else if (dial->is_opaque) {
		dial_opaque(dial, &outside->to);
	} else {
		dial_address(dial, &outside->to.address, true);
	}
}

static void dial_explicit(struct dial *dial, const struct address *literal)
{
	if (literal->family == ADDRESS_NONE && is_host_name(dial->name))
		dial_host(dial);
	else if (literal->family == ADDRESS_NONE)
		dial_name(dial);
	else if (place_of(literal) == PLACE_HOST)
		dial_host(dial);
	else
		dial_address(dial, literal, false);
}

/* An address as a name (Host: 192.0.2.1) is no name. */
static int read_name(const char *text, struct dial *dial, struct address *ret_literal)
{
	*ret_literal = (struct address){ .family = ADDRESS_NONE };
	if (text == NULL || address_parse(text, ret_literal) == 0)
		return 0;
	return policy_name_check(text, strlen(text), dial->name);
}

void dials_add(struct dials *dials, const struct net_message *ask)
{
	const struct outside *outside = outsides_find(&dials->network->outsides, ask->flow);
	struct dial *dial = dials->count < DIALS_MAX ? calloc(1, sizeof(*dial)) : NULL;
	struct address literal;
	bool is_explicit;

	if (dial == NULL) {
		tell_failure(dials, ask->id, -EAGAIN, "too many connections are being made");
		return;
	}
	*dial = (struct dial){ .dials = dials,
			       .id = ask->id,
			       .flow = ask->flow,
			       .port = (uint16_t)ask->port,
			       .is_opaque = ask->name == NULL,
			       .fd = -1 };
	list_init(&dial->node);
	list_append(&dials->list, &dial->node);
	dials->count++;
	is_explicit = outside != NULL && place_of(&outside->to.address) == PLACE_GATEWAY;
	if (outside == NULL || ask->port == 0 || ask->port > UINT16_MAX ||
	    read_name(ask->name, dial, &literal) < 0 || (is_explicit && ask->name == NULL)) {
		fail(dial, -EINVAL, "no such flow, or no name that can be dialled");
	} else if (is_explicit) {
		dial_explicit(dial, &literal);
	} else {
		dial_given(dial, outside, &literal);
	}
}
