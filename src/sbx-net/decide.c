#include "sbx-net/decide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"
#include "wire/net.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

static const char *const host_rule_name = "localhost";

static void patterns_finish(struct patterns *patterns)
{
	for (size_t i = 0; i < patterns->count; i++)
		free(patterns->resource[i].pattern);
	free(patterns->resource);
	*patterns = (struct patterns){ .count = 0 };
}

static int patterns_parse(char *const *texts, struct patterns *ret)
{
	struct patterns patterns = { .count = 0 };
	size_t count = 0;

	while (texts != NULL && texts[count] != NULL)
		count++;
	patterns.resource = calloc(count + 1, sizeof(*patterns.resource));
	if (patterns.resource == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct err err = ERR_INIT;

		if (policy_resource_parse(texts[i], &patterns.resource[patterns.count], &err) == 0)
			patterns.count++;
	}
	*ret = patterns;
	return 0;
}

static bool patterns_match(const struct patterns *patterns, const struct policy_question *question)
{
	for (size_t i = 0; i < patterns->count; i++) {
		if (policy_resource_matches(&patterns->resource[i], question))
			return true;
	}
	return false;
}

int decider_init(struct decider *decider)
{
	*decider = (struct decider){ .policy = NULL };
	return dns_pins_create(&decider->pins);
}

void decider_finish(struct decider *decider)
{
	policy_destroy(decider->policy);
	dns_pins_destroy(decider->pins);
	free(decider->own);
	patterns_finish(&decider->inspect);
	patterns_finish(&decider->no_proxy);
	free(decider->upstream.host);
	*decider = (struct decider){ .policy = NULL };
}

void decider_set_policy(struct decider *decider, struct policy *policy)
{
	policy_destroy(decider->policy);
	decider->policy = policy;
	decider->generation++;
}

static int own_parse(char *const *texts, struct address **ret, size_t *ret_count)
{
	size_t count = 0, good = 0;
	struct address *own;

	while (texts != NULL && texts[count] != NULL)
		count++;
	own = calloc(count + 1, sizeof(*own));
	if (own == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		good += address_parse(texts[i], &own[good]) == 0;
	*ret = own;
	*ret_count = good;
	return 0;
}

/* "http://host:port", "socks5://[v6]:port"; anything else: no upstream. */
static int upstream_parse(const char *text, struct upstream *ret)
{
	const char *host = text == NULL ? NULL : strstr(text, "://");
	const char *colon = text == NULL ? NULL : strrchr(text, ':');
	struct upstream upstream = { .host = NULL };
	uint64_t port;
	size_t len;

	*ret = upstream;
	if (host == NULL || colon <= host || parse_u64(colon + 1, UINT16_MAX, &port) < 0)
		return 0;
	host += strlen("://");
	len = (size_t)(colon - host);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len == 0)
		return 0;
	ret->host = strndup(host, len);
	ret->port = (uint16_t)port;
	return ret->host == NULL ? -ENOMEM : 0;
}

int decider_set_host(struct decider *decider, const struct net_message *message)
{
	struct patterns no_proxy = { .count = 0 };
	struct upstream upstream = { .host = NULL };
	struct address *own = NULL;
	size_t own_count = 0;
	int r = patterns_parse(message->no_proxy, &no_proxy);

	if (r == 0)
		r = upstream_parse(message->upstream, &upstream);
	if (r == 0)
		r = own_parse(message->own_addresses, &own, &own_count);
	if (r < 0) {
		patterns_finish(&no_proxy);
		free(upstream.host);
		return r;
	}
	patterns_finish(&decider->no_proxy);
	free(decider->upstream.host);
	free(decider->own);
	decider->no_proxy = no_proxy;
	decider->upstream = upstream;
	decider->own = own;
	decider->own_count = own_count;
	decider->generation++;
	return 0;
}

int decider_set_inspect(struct decider *decider, const struct net_message *message)
{
	struct patterns inspect;
	int r = patterns_parse(message->names, &inspect);

	if (r < 0)
		return r;
	patterns_finish(&decider->inspect);
	decider->inspect = inspect;
	decider->generation++;
	return 0;
}

bool decider_is_own(const struct decider *decider, const struct address *address)
{
	const struct address reached = address_unmap(address);

	for (size_t i = 0; i < decider->own_count; i++) {
		if (address_equal(&decider->own[i], &reached))
			return true;
	}
	return false;
}

static struct policy_question ask_about(const struct decider *decider, const char *name,
					const struct endpoint *to, enum policy_protocol protocol)
{
	return (struct policy_question){
		.name = name,
		.address = to->address,
		.port = to->port,
		.protocol = protocol,
		.is_own = decider_is_own(decider, &to->address),
	};
}

static bool is_allowed(const struct policy_verdict *verdict)
{
	return verdict->decision == POLICY_ALLOW;
}

/* TCP first; where that is denied, perhaps UDP is not. */
static void decide_either(const struct decider *decider, struct policy_question *question,
			  struct policy_verdict *ret)
{
	struct policy_verdict udp;

	question->protocol = POLICY_TCP;
	policy_decide(decider->policy, question, ret);
	if (is_allowed(ret))
		return;
	question->protocol = POLICY_UDP;
	policy_decide(decider->policy, question, &udp);
	if (is_allowed(&udp))
		*ret = udp;
}

void decide_name(const struct decider *decider, const char *name, struct policy_verdict *ret)
{
	struct policy_question question = { .name = name };

	decide_either(decider, &question, ret);
}

bool decide_handing_out(const struct decider *decider, const char *name,
			const struct address *address)
{
	const struct endpoint to = { .address = *address };
	struct policy_question question = ask_about(decider, name, &to, POLICY_TCP);
	struct policy_verdict verdict;

	decide_either(decider, &question, &verdict);
	return is_allowed(&verdict);
}

bool decider_goes_upstream(const struct decider *decider, const char *name,
			   const struct endpoint *to)
{
	const struct policy_question question = {
		.name = name, .address = to->address, .port = to->port, .protocol = POLICY_TCP
	};

	return decider->upstream.host != NULL && !patterns_match(&decider->no_proxy, &question);
}

/* What one name, or none, makes of the connection. */
static void rule(const struct decider *decider, const struct policy_question *question,
		 struct dns_pin *pin, struct ruling *ret)
{
	*ret = (struct ruling){ .pin = pin };
	policy_decide(decider->policy, question, &ret->verdict);
	if (question->protocol == POLICY_UDP) {
		ret->route = is_allowed(&ret->verdict) ? ROUTE_DIRECT : ROUTE_NONE;
		return;
	}
	if (question->port == HTTP_PORT || question->port == HTTPS_PORT) {
		/* A denied host is shown why; a denied address without a name is not. */
		if (is_allowed(&ret->verdict) || pin != NULL)
			ret->route = ROUTE_PROXY;
	} else if (is_allowed(&ret->verdict)) {
		ret->route = ret->verdict.needs_http || patterns_match(&decider->inspect, question)
				     ? ROUTE_PROXY
				     : ROUTE_DIRECT;
	}
}

/* Prefers what is allowed; then what has a route; then the first, which has a name. */
static bool is_better(const struct ruling *a, const struct ruling *b)
{
	if (is_allowed(&a->verdict) != is_allowed(&b->verdict))
		return is_allowed(&a->verdict);
	return a->route > b->route;
}

void decide_address(const struct decider *decider, const struct endpoint *to,
		    enum policy_protocol protocol, uint64_t now_ms, struct ruling *ret)
{
	struct policy_question question = ask_about(decider, NULL, to, protocol);
	struct dns_pin *pin = NULL;
	struct ruling next;
	bool is_first = true;

	while ((pin = dns_pins_of_address(decider->pins, &to->address, pin, now_ms)) != NULL) {
		question.name = dns_pin_name(pin);
		rule(decider, &question, pin, &next);
		if (is_first || is_better(&next, ret))
			*ret = next;
		is_first = false;
	}
	question.name = NULL;
	rule(decider, &question, NULL, &next);
	if (is_first || is_better(&next, ret))
		*ret = next;
	if (ret->route == ROUTE_DIRECT && protocol == POLICY_TCP &&
	    decider_goes_upstream(decider, ret->pin == NULL ? NULL : dns_pin_name(ret->pin), to))
		ret->route = ROUTE_PROXY;
}

void decide_host(const struct decider *decider, uint16_t port, enum policy_protocol protocol,
		 struct ruling *ret)
{
	const struct policy_question question = {
		.name = host_rule_name, .port = port, .protocol = protocol, .is_host = true
	};

	*ret = (struct ruling){ .route = ROUTE_NONE };
	policy_decide(decider->policy, &question, &ret->verdict);
	if (!is_allowed(&ret->verdict))
		return;
	if (!ret->verdict.needs_http)
		ret->route = ROUTE_DIRECT;
	else if (protocol == POLICY_TCP)
		ret->route = ROUTE_PROXY;
}

void decide_opaque(const struct decider *decider, const struct endpoint *to, uint64_t now_ms,
		   struct policy_verdict *ret)
{
	struct policy_question question = ask_about(decider, NULL, to, POLICY_TCP);
	struct dns_pin *pin = NULL;
	struct policy_verdict next;
	bool is_seen = false;

	policy_decide(decider->policy, &question, ret);
	while ((pin = dns_pins_of_address(decider->pins, &to->address, pin, now_ms)) != NULL) {
		question.name = dns_pin_name(pin);
		policy_decide(decider->policy, &question, &next);
		/* One name that needs it is enough: nobody can tell which one is meant. */
		is_seen |= next.needs_http || patterns_match(&decider->inspect, &question);
		if (is_allowed(&next) && !is_allowed(ret))
			*ret = next;
	}
	if (!is_allowed(ret) || (!is_seen && !ret->needs_http))
		return;
	ret->decision = POLICY_DENY;
	ret->kind = POLICY_UNSAFE;
	(void)snprintf(
		ret->sentence, sizeof(ret->sentence),
		"connections to this host are looked into, and this one is neither HTTP nor TLS");
}

static void deny_unpinned(const char *name, const struct endpoint *to, struct policy_verdict *ret)
{
	char address[ADDRESS_TEXT_MAX];

	address_format(&to->address, address);
	*ret = (struct policy_verdict){ .decision = POLICY_DENY, .kind = POLICY_UNSAFE };
	(void)snprintf(
		ret->sentence, sizeof(ret->sentence),
		"%s was not given as an address of %s, and no rule allows the address itself",
		address, name);
}

void decide_dial(const struct decider *decider, const char *name, const struct endpoint *to,
		 bool is_given, uint64_t now_ms, struct policy_verdict *ret)
{
	struct policy_question question = ask_about(decider, name, to, POLICY_TCP);
	struct policy_verdict bare;

	policy_decide(decider->policy, &question, ret);
	if (name == NULL || !is_given ||
	    dns_pins_find(decider->pins, name, &to->address, now_ms) != NULL)
		return;
	/* A deny of the name holds; an allow of it does not cover this address. */
	if (ret->kind == POLICY_EXPLICIT)
		return;
	question.name = NULL;
	policy_decide(decider->policy, &question, &bare);
	if (is_allowed(&bare))
		*ret = bare;
	else
		deny_unpinned(name, to, ret);
}
