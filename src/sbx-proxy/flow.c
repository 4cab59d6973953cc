#include "sbx-proxy/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/log.h"
#include "base/fd.h"
#include "policy/policy.h"
#include "sbx-proxy/agent.h"
#include "sbx-proxy/judge.h"
#include "sbx-proxy/proxy.h"
#include "sbx-proxy/session.h"
#include "sbx-proxy/sniff.h"
#include "tls/endpoint.h"

enum { READ_STEP = 4096, SENTENCE_MAX = 700 };

static void ready(struct channel *guest);
static void read_first(struct flow *flow);

static struct orders *orders_of(const struct flow *flow)
{
	return &flow->proxy->control.orders;
}

void flow_end(struct flow *flow)
{
	if (flow->is_ended)
		return;
	flow->is_ended = true;
	patience_stop(&flow->patience);
	channel_wait(&flow->guest, false, false);
	list_remove(&flow->node);
	proxy_bury(flow->proxy, &flow->node);
}

void flow_destroy(struct flow *flow)
{
	patience_stop(&flow->patience);
	list_remove(&flow->node);
	session_destroy(flow->session);
	agent_destroy(flow->agent);
	tunnel_finish(&flow->tunnel);
	origin_destroy(flow->origin);
	channel_finish(&flow->guest);
	buf_finish(&flow->first);
	refusal_finish(&flow->refusal);
	flow->proxy->flows_count--;
	free(flow);
}

/* One event for the log: where it leads, and why not. */
static void tell(struct flow *flow, const struct refusal *refusal)
{
	struct net_verdict verdict = {
		.decision = POLICY_ALLOW,
		.protocol = POLICY_TCP,
		.path_kind = flow->intercepts	? NET_PATH_FORWARD
			     : flow->is_connect ? NET_PATH_FORWARD_BYPASS
						: NET_PATH_TRANSPARENT,
		.port = flow->port,
		.count = 1,
		.name = flow->name[0] != '\0' ? flow->name : NULL,
		.address = flow->address[0] != '\0' ? flow->address : NULL,
	};

	if (refusal != NULL)
		judge_describe(refusal, &verdict);
	control_tell_verdict(&flow->proxy->control, &verdict);
}

static void lost_patience(struct patience_wait *wait)
{
	flow_end(container_of(wait, struct flow, patience));
}

static void wait_in(struct flow *flow, struct patience *patience)
{
	flow->patience.lost = lost_patience;
	patience_start(patience, &flow->patience);
}

static void move_tunnel(struct flow *flow)
{
	if (tunnel_move(&flow->tunnel) <= 0)
		flow_end(flow);
	else
		patience_start(&flow->proxy->silence, &flow->patience);
}

static void tunnel_ready(struct origin *origin)
{
	move_tunnel(origin->owner);
}

static void begin_tunnel(struct flow *flow)
{
	flow->stage = FLOW_TUNNEL;
	tell(flow, NULL);
	if (channel_put_back(&flow->guest, flow->first.data, flow->first.len) < 0) {
		flow_end(flow);
		return;
	}
	buf_finish(&flow->first);
	flow->origin->ready = tunnel_ready;
	tunnel_init(&flow->tunnel, &flow->guest, &flow->origin->channel, flow->proxy->scratch,
		    sizeof(flow->proxy->scratch));
	wait_in(flow, &flow->proxy->silence);
	move_tunnel(flow);
}

static void session_over(void *owner)
{
	struct flow *flow = owner;

	channel_end_write(&flow->guest);
	flow_end(flow);
}

/* A request may take long; between two there is less patience, before the first the least. */
static void session_moved(void *owner)
{
	struct flow *flow = owner;

	if (flow->is_ended || flow->session == NULL)
		return;
	if (!session_is_resting(flow->session))
		patience_start(&flow->proxy->silence, &flow->patience);
	else if (flow->is_busy || flow->session->served != flow->served)
		patience_start(&flow->proxy->rest, &flow->patience);
	flow->is_busy = !session_is_resting(flow->session);
	flow->served = flow->session->served;
}

/* After a CONNECT the connection begins anew, for the host that it said. */
static void session_connected(void *owner, const char *host, uint16_t port, const uint8_t *bytes,
			      size_t len)
{
	struct flow *flow = owner;

	memcpy(flow->name, host, strlen(host) + 1);
	flow->port = port;
	flow->is_connect = true;
	flow->stage = FLOW_SNIFFING;
	buf_init(&flow->first, SNIFF_MAX);
	if (buf_append(&flow->first, bytes, len) < 0)
		flow_end(flow);
	else
		read_first(flow);
}

static void begin_session(struct flow *flow, bool is_proxy)
{
	struct session_config config = {
		.proxy = flow->proxy,
		.guest = &flow->guest,
		.flow = flow->id,
		.address = flow->address,
		.port = is_proxy ? 0 : flow->port,
		.fixed = flow->is_tls || flow->is_connect ? flow->name : NULL,
		.is_tls = flow->is_tls,
		.alpn = flow->is_tls ? (unsigned)tls_alpn(flow->guest.tls) : ALPN_HTTP1,
		.is_proxy = is_proxy,
		.origin = flow->origin,
		.refusal = flow->refusal.error != 0 ? &flow->refusal : NULL,
		.owner = flow,
		.moved = session_moved,
		.over = session_over,
		.connected = session_connected,
	};

	session_destroy(flow->session);
	flow->session = NULL;
	flow->served = 0;
	flow->stage = FLOW_HTTP;
	if (session_create(&config, &flow->session) < 0) {
		flow_end(flow);
		return;
	}
	flow->origin = NULL;
	wait_in(flow, &flow->proxy->head);
	session_move(flow->session);
}

static void shake(struct flow *flow)
{
	int r = channel_handshake(&flow->guest);

	if (r > 0) {
		begin_session(flow, false);
	} else if (r == 0) {
		channel_wait(&flow->guest, true, false);
	} else {
		const char *why = channel_failure(&flow->guest);
		struct refusal refusal = { .error = EPROTO, .text = (char *)(uintptr_t)why };

		log_info("%s", why != NULL ? why : "TLS with the guest failed");
		tell(flow, &refusal);
		flow_end(flow);
	}
}

/* TLS towards the guest by what its origin speaks, or what a page can be shown in. */
static void accept_guest(struct flow *flow)
{
	struct leaves *leaves = orders_of(flow)->leaves;
	unsigned alpn = flow->alpn & ALPN_HTTP1 ? ALPN_HTTP1 : flow->alpn;

	if (flow->origin != NULL)
		alpn = tls_alpn(flow->origin->channel.tls);
	flow->stage = FLOW_SHAKING;
	if (leaves == NULL ||
	    channel_put_back(&flow->guest, flow->first.data, flow->first.len) < 0 ||
	    channel_accept_tls(&flow->guest, leaves, flow->name, alpn) < 0) {
		flow_end(flow);
		return;
	}
	buf_finish(&flow->first);
	wait_in(flow, &flow->proxy->head);
	shake(flow);
}

/* Within TLS a refusal can be read; else the connection ends. */
static void refuse(struct flow *flow, int error, const char *rule, const char *text)
{
	refusal_set(&flow->refusal, error, rule, text);
	tell(flow, &flow->refusal);
	if (flow->is_tls)
		accept_guest(flow);
	else
		flow_end(flow);
}

static void settled(struct origin *origin)
{
	struct flow *flow = origin->owner;

	if (origin->state == ORIGIN_FAILED) {
		struct refusal failure = origin->failure;

		origin->failure = (struct refusal){ .error = 0 };
		origin_destroy(origin);
		flow->origin = NULL;
		refuse(flow, failure.error, failure.rule, failure.text);
		refusal_finish(&failure);
	} else if (flow->intercepts) {
		accept_guest(flow);
	} else {
		begin_tunnel(flow);
	}
}

static void dial(struct flow *flow)
{
	struct origin_target target = { .flow = flow->id,
					.port = flow->port,
					.is_tls = flow->intercepts,
					.alpn = flow->has_alpn ? flow->alpn : ALPN_HTTP1 };

	memcpy(target.name, flow->name, sizeof(target.name));
	flow->stage = FLOW_DIALLING;
	patience_stop(&flow->patience);
	channel_wait(&flow->guest, false, false);
	flow->origin = origin_create(&(struct origin_config){ .proxy = flow->proxy,
							      .target = &target,
							      .address = flow->address,
							      .owner = flow,
							      .settled = settled,
							      .ready = tunnel_ready });
	if (flow->origin == NULL)
		flow_end(flow);
}

/* A CONNECT to an address may carry a name, as long as the policy lets that name go there. */
static bool may_carry(struct flow *flow, const char *name)
{
	struct refusal refusal = { .error = 0 };
	struct address address;
	bool may = address_parse(flow->name, &address) == 0 &&
		   !judge_needs_http(orders_of(flow), name, flow->port) &&
		   judge_connection(orders_of(flow)->policy, name, flow->port, &address, &refusal);

	refusal_finish(&refusal);
	return may;
}

/* P08: who says one name to the proxy and another to the server hides something. */
static void refuse_other_name(struct flow *flow, const char *name)
{
	char text[SENTENCE_MAX];

	(void)snprintf(text, sizeof(text), "CONNECT was for %s, but TLS asks for %s", flow->name,
		       name);
	memcpy(flow->name, name, strlen(name) + 1);
	refuse(flow, EREMOTE, NULL, text);
}

/*
 * Encrypted ClientHello cannot be told from what clients send to keep servers
 * used to it; looked into, the former ends and the latter goes on (P06).
 */
static void take_tls(struct flow *flow, const struct client_hello *hello)
{
	bool is_other =
		flow->is_connect && hello->name[0] != '\0' && strcmp(hello->name, flow->name) != 0;

	flow->is_tls = true;
	flow->alpn = hello->alpn;
	flow->has_alpn = hello->has_alpn;
	if (is_other && !may_carry(flow, hello->name)) {
		refuse_other_name(flow, hello->name);
		return;
	}
	if (!flow->is_connect)
		(void)snprintf(flow->name, sizeof(flow->name), "%s",
			       hello->name[0] != '\0' ? hello->name : flow->address);
	flow->intercepts =
		hello->has_ech || judge_needs_http(orders_of(flow), flow->name, flow->port);
	dial(flow);
}

static bool is_web(const struct flow *flow)
{
	return flow->port == 80 || flow->port == 443;
}

/*
 * Neither HTTP nor TLS. In a CONNECT the name is known; else, on the ports of the
 * web, only the address itself can be allowed (P04).
 */
static void take_other(struct flow *flow)
{
	if (flow->is_connect && judge_needs_http(orders_of(flow), flow->name, flow->port)) {
		refuse(flow, EACCES, "",
		       "connections to this host must be looked into, and this is no HTTP");
		return;
	}
	if (!flow->is_connect && is_web(flow))
		memcpy(flow->name, flow->address, sizeof(flow->address));
	dial(flow);
}

static void lost_hush(struct patience_wait *wait)
{
	take_other(container_of(wait, struct flow, patience));
}

/* Some protocols let the server speak first; HTTP and TLS never do. */
static void wait_for_first(struct flow *flow)
{
	bool may_hush =
		!is_web(flow) && flow->first.len == 0 &&
		!(flow->is_connect && judge_needs_http(orders_of(flow), flow->name, flow->port));

	if (may_hush && flow->patience.lost != lost_hush) {
		flow->patience.lost = lost_hush;
		patience_start(&flow->proxy->hush, &flow->patience);
	} else if (!may_hush && flow->patience.lost != lost_patience) {
		wait_in(flow, &flow->proxy->head);
	}
	channel_wait(&flow->guest, true, false);
}

static void take_first(struct flow *flow)
{
	struct client_hello hello;

	switch (sniff(flow->first.data, flow->first.len, &hello)) {
	case SNIFFED_MORE:
		wait_for_first(flow);
		break;
	case SNIFFED_TLS:
		take_tls(flow, &hello);
		break;
	case SNIFFED_HTTP:
		if (channel_put_back(&flow->guest, flow->first.data, flow->first.len) < 0) {
			flow_end(flow);
			break;
		}
		buf_finish(&flow->first);
		begin_session(flow, false);
		break;
	case SNIFFED_OTHER:
		take_other(flow);
		break;
	case SNIFFED_BAD:
		refuse(flow, EACCES, "", "the TLS ClientHello is malformed");
		break;
	}
}

static void read_first(struct flow *flow)
{
	uint8_t *to = buf_reserve(&flow->first, READ_STEP);
	ssize_t n = to == NULL ? -ENOBUFS : channel_read(&flow->guest, to, READ_STEP);

	if (n > 0)
		flow->first.len += (size_t)n;
	if (n > 0 || n == -EAGAIN)
		take_first(flow);
	else
		flow_end(flow);
}

static void agent_over(void *owner)
{
	flow_end(owner);
}

static void begin_agent(struct flow *flow)
{
	flow->stage = FLOW_AGENT;
	if (agent_create(flow->proxy, &flow->guest, flow, agent_over, &flow->agent) < 0)
		flow_end(flow);
	else
		agent_move(flow->agent);
}

static void ready(struct channel *guest)
{
	struct flow *flow = container_of(guest, struct flow, guest);

	switch (flow->stage) {
	case FLOW_SNIFFING:
		read_first(flow);
		break;
	case FLOW_DIALLING:
		break;
	case FLOW_SHAKING:
		shake(flow);
		break;
	case FLOW_TUNNEL:
		move_tunnel(flow);
		break;
	case FLOW_HTTP:
		session_move(flow->session);
		break;
	case FLOW_AGENT:
		agent_move(flow->agent);
		break;
	}
}

static void begin(struct flow *flow, uint32_t kind)
{
	switch ((enum net_flow_kind)kind) {
	case NET_FLOW_EXPLICIT:
		begin_session(flow, true);
		return;
	case NET_FLOW_TRANSPARENT:
		wait_in(flow, &flow->proxy->head);
		read_first(flow);
		return;
	case NET_FLOW_SSH_AGENT:
		begin_agent(flow);
		return;
	}
	flow_end(flow);
}

void flow_begin(struct proxy *proxy, const struct net_message *message, int fd)
{
	struct flow *flow = NULL;

	if (proxy->flows_count < PROXY_FLOWS_MAX && fd_set_nonblock(fd, true) == 0)
		flow = calloc(1, sizeof(*flow));
	if (flow == NULL) {
		(void)close(fd);
		return;
	}
	flow->proxy = proxy;
	flow->id = message->id;
	flow->port = (uint16_t)message->port;
	if (message->address != NULL)
		(void)snprintf(flow->address, sizeof(flow->address), "%s", message->address);
	channel_init(&flow->guest, proxy->loop, ready);
	channel_open(&flow->guest, fd);
	buf_init(&flow->first, SNIFF_MAX);
	patience_wait_init(&flow->patience, lost_patience);
	list_append(&proxy->flows, &flow->node);
	proxy->flows_count++;
	begin(flow, message->kind);
}

void flow_judge(struct flow *flow)
{
	struct refusal refusal = { .error = 0 };
	const struct orders *orders = orders_of(flow);

	if (flow->stage == FLOW_HTTP)
		session_judge(flow->session);
	if (flow->stage != FLOW_TUNNEL || flow->name[0] == '\0')
		return;
	if (!judge_connection(orders->policy, flow->name, flow->port, &flow->origin->address,
			      &refusal)) {
		tell(flow, &refusal);
		flow_end(flow);
	}
	refusal_finish(&refusal);
}
