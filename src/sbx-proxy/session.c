#include "sbx-proxy/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/codec.h"
#include "http/http1.h"
#include "http2/http2.h"
#include "sbx-proxy/channel.h"
#include "sbx-proxy/exchange.h"
#include "sbx-proxy/proxy.h"
#include "tls/endpoint.h"

enum { ROUNDS = 64 /* of all lines; then others on the loop have their turn */ };

static const char *scheme_of(const struct session *session)
{
	return session->config.is_tls ? "https" : "http";
}

static int make_codec(const struct session *session, enum http_side side, enum alpn alpn,
		      const struct http_events *events, void *owner, struct http_codec **ret)
{
	const struct http2_config http2 = {
		.side = side, .scheme = scheme_of(session), .events = events, .owner = owner
	};
	const struct http1_config http1 = { .side = side,
					    .scheme = scheme_of(session),
					    .is_proxy =
						    side == HTTP_SERVER && session->config.is_proxy,
					    .events = events,
					    .owner = owner };

	return alpn == ALPN_H2 ? http2_create(&http2, ret) : http1_create(&http1, ret);
}

static enum alpn channel_alpn(const struct channel *channel)
{
	return channel->tls == NULL ? ALPN_HTTP1 : tls_alpn(channel->tls);
}

static void source_destroy(struct source *source)
{
	list_for_each (node, next, &source->session->exchanges) {
		struct exchange *exchange = container_of(node, struct exchange, node);

		if (exchange->source == source)
			exchange->source = NULL;
	}
	list_remove(&source->node);
	line_finish(&source->line);
	origin_destroy(source->origin);
	proxy_freed(source->session->config.proxy);
	free(source);
}

static void source_ready(struct origin *origin)
{
	struct source *source = origin->owner;

	session_move(source->session);
}

static int source_open(struct source *source)
{
	struct session *session = source->session;
	struct channel *channel = &source->origin->channel;
	struct http_codec *codec;
	int r = make_codec(session, HTTP_CLIENT, channel_alpn(channel), &exchange_origin_events,
			   source, &codec);

	if (r == 0)
		line_init(&source->line, channel, codec, session->config.proxy->scratch);
	return r;
}

/* Those that wait for it are sent, or answered with the reason. */
static void source_settled(struct origin *origin)
{
	struct source *source = origin->owner;
	struct session *session = source->session;
	struct refusal refusal = { .error = ENOMEM };
	bool is_open = origin->state == ORIGIN_OPEN && source_open(source) == 0;

	list_for_each (node, next, &session->exchanges) {
		struct exchange *exchange = container_of(node, struct exchange, node);

		if (exchange->source != source)
			continue;
		if (is_open)
			exchange_send(exchange);
		else
			exchange_refuse(exchange, origin->state == ORIGIN_FAILED ? &origin->failure
										 : &refusal);
	}
	if (!is_open)
		source->is_stale = true;
	session_move(session);
}

static struct source *source_create(struct session *session)
{
	struct source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return NULL;
	source->session = session;
	list_append(&session->sources, &source->node);
	return source;
}

static bool leads_to(const struct source *source, const char *name, uint16_t port)
{
	return !source->is_stale && source->origin->target.port == port &&
	       strcmp(source->origin->target.name, name) == 0;
}

static struct source *source_dial(struct session *session, const char *name, uint16_t port)
{
	struct origin_target target = { .flow = session->config.flow,
					.port = port,
					.is_tls = session->config.is_tls,
					.alpn = session->config.alpn };
	struct source *source = source_create(session);

	if (source == NULL)
		return NULL;
	memcpy(target.name, name, strlen(name) + 1);
	source->origin = origin_create(&(struct origin_config){ .proxy = session->config.proxy,
								.target = &target,
								.address = session->config.address,
								.owner = source,
								.settled = source_settled,
								.ready = source_ready });
	if (source->origin != NULL)
		return source;
	list_remove(&source->node);
	free(source);
	return NULL;
}

struct source *session_source(struct session *session, const char *name, uint16_t port)
{
	list_for_each (node, next, &session->sources) {
		struct source *source = container_of(node, struct source, node);

		if (leads_to(source, name, port))
			return source;
		/* Another host now: what rests is not kept. */
		source->is_stale = true;
	}
	return source_dial(session, name, port);
}

/* The origin that the flow opened to see what it speaks. */
static int adopt_origin(struct session *session, struct origin *origin)
{
	struct source *source = source_create(session);

	if (source == NULL)
		return -ENOMEM;
	source->origin = origin;
	origin->owner = source;
	origin->ready = source_ready;
	if (source_open(source) == 0)
		return 0;
	source->origin = NULL;
	list_remove(&source->node);
	free(source);
	return -ENOMEM;
}

static bool move_source(struct source *source)
{
	bool moved;

	if (source->line.codec == NULL)
		return false;
	moved = line_move(&source->line);
	if (source->streams == 0 && (source->is_stale || source->line.is_read_out))
		http_close(source->line.codec);
	return moved;
}

/* Outside of all events: a codec may be destroyed here. */
static void drop_sources(struct session *session)
{
	list_for_each (node, next, &session->sources) {
		struct source *source = container_of(node, struct source, node);
		bool is_used = source->streams > 0 && source->line.codec != NULL;

		if (source->line.codec != NULL && line_is_over(&source->line))
			source_destroy(source);
		else if (source->is_stale && !is_used && source->origin->state >= ORIGIN_OPEN)
			source_destroy(source);
	}
}

/* Requests that found no room at their origin; each may find some now. */
static void send_waiting(struct session *session)
{
	list_for_each (node, next, &session->exchanges) {
		struct exchange *exchange = container_of(node, struct exchange, node);

		exchange_send(exchange);
	}
}

static bool move_once(struct session *session)
{
	bool moved = line_move(&session->line);

	list_for_each (node, next, &session->sources)
		moved |= move_source(container_of(node, struct source, node));
	send_waiting(session);
	drop_sources(session);
	return moved;
}

static void wait_all(struct session *session)
{
	line_wait(&session->line);
	list_for_each (node, next, &session->sources) {
		struct source *source = container_of(node, struct source, node);

		if (source->line.codec != NULL)
			line_wait(&source->line);
	}
}

static bool is_over(const struct session *session)
{
	return line_is_over(&session->line);
}

static void answer_connect(struct session *session)
{
	struct http_response response;

	if (!session->is_connected) {
		session->is_connected = true;
		http_response_init(&response, 200);
		(void)http_respond(session->connect, &response, false);
		http_response_finish(&response);
	}
	(void)line_flush(&session->line);
}

/* The head of CONNECT's answer is out: the connection is no HTTP any more. */
static bool hand_over(struct session *session)
{
	struct line *line = &session->line;
	struct buf rest = line->unread;

	if (session->connect == NULL || line->unsent.len > 0 || http_wants_output(line->codec))
		return false;
	session->is_over = true;
	buf_init(&line->unread, 0);
	session->config.connected(session->config.owner, session->connect_host,
				  session->connect_port, rest.data, rest.len);
	buf_finish(&rest);
	return true;
}

static void let_origins_go(struct session *session)
{
	list_for_each (node, next, &session->sources)
		container_of(node, struct source, node)->is_stale = true;
	session_move(session);
}

/* The guest may come back to its connection for long; the origin's costs as much meanwhile. */
static void lost_spare(struct patience_wait *wait)
{
	let_origins_go(container_of(wait, struct session, spare));
}

static void mind_spare(struct session *session)
{
	bool is_spare = session_is_resting(session) && !list_is_empty(&session->sources);

	if (!is_spare)
		patience_stop(&session->spare);
	else if (list_is_empty(&session->spare.node))
		patience_start(&session->config.proxy->spare, &session->spare);
}

static void go_on(struct loop_timer *timer)
{
	session_move(container_of(timer, struct session, again));
}

void session_move(struct session *session)
{
	int rounds = 0;

	if (session->is_moving || session->is_over)
		return;
	session->is_moving = true;
	while (rounds < ROUNDS && session->connect == NULL && move_once(session))
		rounds++;
	if (session->connect != NULL)
		answer_connect(session);
	session->is_moving = false;
	if (hand_over(session))
		return;
	if (is_over(session)) {
		session->is_over = true;
		session->config.over(session->config.owner);
		return;
	}
	wait_all(session);
	mind_spare(session);
	session->config.moved(session->config.owner);
	if (rounds == ROUNDS)
		loop_arm(session->config.proxy->loop, &session->again, clock_now_ms(), go_on);
}

void session_judge(struct session *session)
{
	list_for_each (node, next, &session->exchanges)
		exchange_judge(container_of(node, struct exchange, node));
	let_origins_go(session); /* what rests was dialled under another policy */
}

bool session_is_resting(const struct session *session)
{
	return list_is_empty(&session->exchanges);
}

int session_create(const struct session_config *config, struct session **ret)
{
	struct session *session = calloc(1, sizeof(*session));
	struct http_codec *codec = NULL;
	int r;

	if (session == NULL)
		return -ENOMEM;
	session->config = *config;
	list_init(&session->exchanges);
	list_init(&session->sources);
	patience_wait_init(&session->spare, lost_spare);
	r = make_codec(session, HTTP_SERVER, channel_alpn(config->guest), &exchange_guest_events,
		       session, &codec);
	if (r == 0 && config->origin != NULL)
		r = adopt_origin(session, config->origin);
	if (r < 0) {
		http_destroy(codec);
		free(session);
		return r;
	}
	line_init(&session->line, config->guest, codec, config->proxy->scratch);
	if (config->refusal != NULL) {
		session->refusal = *config->refusal;
		*config->refusal = (struct refusal){ .error = 0 };
	}
	*ret = session;
	return 0;
}

void session_destroy(struct session *session)
{
	if (session == NULL)
		return;
	session->is_over = true;
	session->is_moving = true;
	loop_disarm(&session->again);
	patience_stop(&session->spare);
	line_finish(&session->line); /* first: then nobody is told that an origin left */
	list_for_each (node, next, &session->sources)
		source_destroy(container_of(node, struct source, node));
	list_for_each (node, next, &session->exchanges)
		exchange_destroy(container_of(node, struct exchange, node));
	refusal_finish(&session->refusal);
	free(session->connect_host);
	free(session);
}
