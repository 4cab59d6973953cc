#include "sbx-proxy/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "credential/credential.h"
#include "credential/oauth.h"
#include "http/authority.h"
#include "http/path.h"
#include "policy/policy.h"
#include "sbx-proxy/judge.h"
#include "sbx-proxy/masking.h"
#include "sbx-proxy/page.h"
#include "sbx-proxy/proxy.h"
#include "sbx-proxy/session.h"
#include "tls/endpoint.h"

enum {
	PATH_MAX_BYTES = 65536,
	PATH_SHOWN = 1024, /* bytes of it in the log */
	PAGE_MAX = 4096,
	SENTENCE_MAX = 700
};

static struct control *control_of(const struct exchange *exchange)
{
	return &exchange->session->config.proxy->control;
}

static struct orders *orders_of(const struct exchange *exchange)
{
	return &control_of(exchange)->orders;
}

/* One event for the log: what was asked, and what became of it. */
static void tell(struct exchange *exchange, unsigned status, const struct refusal *refusal)
{
	struct net_verdict verdict = {
		.decision = POLICY_ALLOW,
		.protocol = POLICY_TCP,
		.path_kind = NET_PATH_FORWARD,
		.port = exchange->port,
		.status = status,
		.count = 1,
		.name = exchange->host,
		.rule = exchange->rule,
		.method = exchange->request.method,
	};

	char path[PATH_SHOWN + 1];

	if (exchange->is_told)
		return;
	exchange->is_told = true;
	if (exchange->path != NULL) {
		(void)snprintf(path, sizeof(path), "%.*s", PATH_SHOWN, exchange->path);
		verdict.path = path;
	}
	if (refusal != NULL)
		judge_describe(refusal, &verdict);
	control_tell_verdict(control_of(exchange), &verdict);
}

static void send_page(struct exchange *exchange)
{
	while (exchange->page.len > 0) {
		ssize_t n = http_send(exchange->guest, exchange->page.data, exchange->page.len);

		if (n <= 0)
			return;
		buf_consume(&exchange->page, (size_t)n);
	}
	if (exchange->page.data != NULL)
		(void)http_finish(exchange->guest, NULL);
	buf_finish(&exchange->page);
}

static void detach_origin(struct exchange *exchange)
{
	if (exchange->origin != NULL)
		http_cut(exchange->origin, HTTP_CUT_CANCELLED);
	exchange->source = NULL;
}

void exchange_refuse(struct exchange *exchange, const struct refusal *refusal)
{
	struct http_response response;

	tell(exchange, page_status(refusal), refusal);
	detach_origin(exchange);
	if (exchange->guest == NULL)
		return;
	if (exchange->is_answered ||
	    page_make(refusal, exchange->host, exchange->port, &response, &exchange->page) < 0) {
		exchange->is_answered = true;
		http_cut(exchange->guest, HTTP_CUT_CANCELLED);
		return;
	}
	exchange->is_answered = true;
	if (http_respond(exchange->guest, &response, true) == 0)
		send_page(exchange);
	http_response_finish(&response);
}

static void refuse_with(struct exchange *exchange, int error, const char *rule, const char *text)
{
	struct refusal refusal = { .error = error,
				   .rule = (char *)(uintptr_t)rule,
				   .text = (char *)(uintptr_t)text };

	exchange_refuse(exchange, &refusal);
}

/* A stream is over on one side. The exchange lives as long as either has one. */
static void end_if_over(struct exchange *exchange)
{
	if (exchange->guest == NULL && exchange->origin == NULL)
		exchange_destroy(exchange);
}

/* Where the request wants to go, and whether this connection leads there. */
static bool find_target(struct exchange *exchange)
{
	const struct session_config *config = &exchange->session->config;
	char text[SENTENCE_MAX];
	uint16_t port = 0;

	if (strcmp(exchange->request.scheme, config->is_tls ? "https" : "http") != 0 ||
	    http_authority_split(exchange->request.authority, exchange->host, &port) < 0) {
		refuse_with(exchange, EBADMSG, NULL,
			    "the proxy takes http:// requests and CONNECT");
		return false;
	}
	exchange->port = port != 0 ? port : config->is_tls ? 443 : 80;
	if (config->port != 0 && port == 0 && config->fixed == NULL)
		exchange->port = config->port;
	if ((config->fixed == NULL || strcmp(exchange->host, config->fixed) == 0) &&
	    (config->port == 0 || exchange->port == config->port))
		return true;
	(void)snprintf(text, sizeof(text), "this connection is for %s:%u, not for %s:%u",
		       config->fixed != NULL ? config->fixed : "port", config->port, exchange->host,
		       exchange->port);
	refuse_with(exchange, EREMOTE, NULL, text);
	return false;
}

static int find_path(struct exchange *exchange)
{
	struct buf path;
	int r;

	if (exchange->request.path == NULL)
		return 0;
	if (strcmp(exchange->request.path, "*") == 0) {
		exchange->path = strdup("*");
		return exchange->path == NULL ? -ENOMEM : 0;
	}
	buf_init(&path, PATH_MAX_BYTES);
	r = http_path_canonical(exchange->request.path, &path);
	if (r == 0)
		exchange->path = strndup((const char *)path.data, path.len);
	buf_finish(&path);
	return r == 0 && exchange->path == NULL ? -ENOMEM : 0;
}

static bool is_allowed(struct exchange *exchange)
{
	const struct judge_request asked = {
		.host = exchange->host,
		.port = exchange->port,
		.address = exchange->source == NULL ? NULL : &exchange->source->origin->address,
		.request = &exchange->request,
		.path = exchange->path,
	};
	struct refusal refusal = { .error = 0 };
	bool allowed = judge_request(orders_of(exchange)->policy, &asked, exchange->rule,
				     sizeof(exchange->rule), &refusal);

	if (!allowed)
		exchange_refuse(exchange, &refusal);
	refusal_finish(&refusal);
	return allowed;
}

static int scan(void *context, const uint8_t *bytes, size_t len, bool end, struct buf *out)
{
	return credential_scanner_feed(context, bytes, len, end, out);
}

static int mask(void *context, const uint8_t *bytes, size_t len, bool end, struct buf *out)
{
	return credential_masker_feed(context, bytes, len, end, out);
}

static bool is_bound(const struct exchange *exchange)
{
	return exchange->secrets != NULL &&
	       credentials_bind(exchange->secrets->set, exchange->host, exchange->port);
}

/* The sentinel that a login brings becomes the real refresh token. */
static bool fill_grant(struct exchange *exchange)
{
	int r = grant_fill(&exchange->grant, &exchange->request, &exchange->up.raw);

	if (r < 0)
		refuse_with(exchange, EACCES, NULL,
			    r == -EACCES ? "nobody logged in yet, so there is nothing to refresh"
					 : "the refresh token cannot be put into this request");
	return r == 0;
}

/* Whether the request goes to a token endpoint, by TLS; then it is sent when it is complete. */
static void find_grant(struct exchange *exchange)
{
	exchange->secrets = secrets_get(orders_of(exchange)->secrets);
	if (exchange->secrets != NULL && exchange->request.path != NULL &&
	    exchange->session->config.is_tls)
		exchange->grant.credential =
			credentials_token_endpoint(exchange->secrets->set, exchange->host,
						   exchange->port, exchange->request.path);
}

static bool is_incomplete_grant(const struct exchange *exchange)
{
	return exchange->grant.credential != NULL && exchange->has_body && !exchange->up.is_ended;
}

/* The credential goes in; what must not go out stops it. */
static bool apply_credentials(struct exchange *exchange)
{
	struct secrets *secrets = exchange->secrets;
	const char *name = NULL;
	struct err err = ERR_INIT;
	enum credential_result result;

	if (secrets == NULL)
		return true;
	result = credentials_apply(secrets->set, exchange->host, exchange->port, &exchange->request,
				   &name, &err);
	if (result == CREDENTIAL_REFUSED) {
		control_tell(control_of(exchange), PROXY_ALARM, name, exchange->host, err.text);
		refuse_with(exchange, EACCES, NULL, err.text);
		return false;
	}
	if (result == CREDENTIAL_INJECTED)
		control_tell(control_of(exchange), PROXY_SECRET_USED, name, exchange->host,
			     exchange->request.method);
	if (is_bound(exchange))
		masking_ask(&exchange->request);
	if (exchange->grant.credential != NULL)
		return fill_grant(exchange);
	if (!exchange->has_body)
		return true;
	if (credential_scanner_create(secrets->set, exchange->host, exchange->port,
				      &exchange->scanner) < 0) {
		refuse_with(exchange, ENOMEM, NULL, NULL);
		return false;
	}
	exchange->up.filter = scan;
	exchange->up.context = exchange->scanner;
	return true;
}

/* Once: allowed, and with its credential. */
static bool prepare(struct exchange *exchange)
{
	if (exchange->is_judged)
		return true;
	if (!is_allowed(exchange) || !apply_credentials(exchange))
		return false;
	exchange->is_judged = true;
	return true;
}

/* What the masker, or who takes tokens out of a reply, cannot understand. */
static bool is_unreadable(int r)
{
	return r == -EBADMSG || r == -E2BIG || r == -EMSGSIZE || r == -ENOBUFS;
}

/* The body stopped: by the scanner, by the other end, for lack of memory. */
static void stop(struct exchange *exchange, int r)
{
	char text[SENTENCE_MAX];
	const char *name =
		exchange->scanner == NULL ? NULL : credential_scanner_found(exchange->scanner);

	if (is_unreadable(r)) {
		refuse_with(exchange, EILSEQ, NULL,
			    "the origin's reply cannot be looked through for secrets");
		return;
	}
	if (r != -EACCES || name == NULL) {
		refuse_with(exchange, -r, NULL, "the connection to the origin was closed");
		return;
	}
	(void)snprintf(text, sizeof(text),
		       "the request's body holds the secret or placeholder of '%s', which does not "
		       "belong to %s",
		       name, exchange->host);
	control_tell(control_of(exchange), PROXY_ALARM, name, exchange->host, text);
	refuse_with(exchange, EACCES, NULL, text);
}

static void after_relay(struct exchange *exchange, int r)
{
	if (r < 0 && r != -EPIPE)
		stop(exchange, r);
}

/* One that is gone, or takes no more and serves nobody, is not waited for. */
static void choose_source(struct exchange *exchange)
{
	struct source *source = exchange->source;

	if (source != NULL && source->line.codec != NULL && source->streams == 0 &&
	    !http_can_open(source->line.codec)) {
		source->is_stale = true;
		source = NULL;
	}
	if (source == NULL)
		exchange->source =
			session_source(exchange->session, exchange->host, exchange->port);
	if (exchange->source == NULL)
		refuse_with(exchange, ENOMEM, NULL, NULL);
}

void exchange_send(struct exchange *exchange)
{
	struct source *source;

	if (exchange->origin != NULL || exchange->is_answered || exchange->guest == NULL)
		return;
	choose_source(exchange);
	source = exchange->source;
	if (source == NULL || source->line.codec == NULL || !http_can_open(source->line.codec) ||
	    is_incomplete_grant(exchange) || !prepare(exchange))
		return;
	exchange->origin =
		http_open(source->line.codec, &exchange->request, exchange->has_body, exchange);
	if (exchange->origin == NULL) {
		refuse_with(exchange, EINVAL, NULL, "the origin cannot be asked that");
		return;
	}
	source->streams++;
	after_relay(exchange, relay_move(&exchange->up));
}

void exchange_judge(struct exchange *exchange)
{
	if (exchange->is_judged && exchange->guest != NULL)
		(void)is_allowed(exchange);
}

/* The names of what was found go to the log, the values nowhere. */
static void report_masked(struct exchange *exchange)
{
	if (exchange->masker != NULL && credential_masker_found(exchange->masker) > 0)
		control_tell(control_of(exchange), PROXY_ALARM,
			     credential_masker_name(exchange->masker), exchange->host,
			     "a reply held the secret; it was masked");
}

void exchange_destroy(struct exchange *exchange)
{
	if (exchange->guest != NULL)
		exchange->guest->tag = NULL;
	if (exchange->origin != NULL)
		exchange->origin->tag = NULL;
	report_masked(exchange);
	list_remove(&exchange->node);
	relay_finish(&exchange->up);
	relay_finish(&exchange->down);
	credential_scanner_destroy(exchange->scanner);
	credential_masker_destroy(exchange->masker);
	secrets_put(exchange->secrets);
	buf_finish(&exchange->page);
	grant_finish(&exchange->grant);
	http_request_finish(&exchange->request);
	free(exchange->path);
	free(exchange);
}

static struct exchange *exchange_create(struct session *session, struct http_stream *guest,
					struct http_request *request, bool has_body)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return NULL;
	exchange->session = session;
	exchange->guest = guest;
	exchange->has_body = has_body;
	exchange->request = *request;
	http_request_init(request);
	relay_init(&exchange->up, &exchange->guest, &exchange->origin);
	relay_init(&exchange->down, &exchange->origin, &exchange->guest);
	buf_init(&exchange->page, PAGE_MAX);
	grant_init(&exchange->grant);
	guest->tag = exchange;
	list_append(&session->exchanges, &exchange->node);
	session->served++;
	return exchange;
}

/* CONNECT makes a tunnel of the connection; within one it would hide where it leads. */
static void take_connect(struct session *session, struct http_stream *stream,
			 const struct http_request *request)
{
	char host[ORIGIN_NAME_MAX + 1], *copy = NULL;

	if (session->config.is_proxy && session->connect == NULL &&
	    http_authority_split(request->authority, host, &session->connect_port) == 0 &&
	    session->connect_port != 0)
		copy = strdup(host);
	if (copy == NULL) {
		http_cut(stream, HTTP_CUT_REFUSED);
		return;
	}
	session->connect_host = copy;
	session->connect = stream;
}

static void begin(struct exchange *exchange)
{
	find_grant(exchange);
	exchange_send(exchange);
}

/* What the whole connection is refused for was told when it was. */
static void refuse_all(struct exchange *exchange, const struct refusal *refusal)
{
	exchange->is_told = true;
	exchange_refuse(exchange, refusal);
}

static void guest_request(void *owner, struct http_stream *stream, struct http_request *request,
			  bool has_body)
{
	struct session *session = owner;
	struct exchange *exchange;

	if (strcmp(request->method, "CONNECT") == 0) {
		take_connect(session, stream, request);
		return;
	}
	exchange = exchange_create(session, stream, request, has_body);
	if (exchange == NULL) {
		http_cut(stream, HTTP_CUT_REFUSED);
		return;
	}
	if (find_path(exchange) < 0)
		refuse_with(exchange, ENOMEM, NULL, NULL);
	else if (!find_target(exchange))
		return;
	else if (session->refusal.error != 0)
		refuse_all(exchange, &session->refusal);
	else
		begin(exchange);
}

static void guest_data(void *owner, struct http_stream *stream, const uint8_t *bytes, size_t len)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	if (exchange == NULL || (exchange->is_answered && exchange->origin == NULL))
		http_consumed(stream, len); /* nobody wants it any more */
	else
		after_relay(exchange, relay_data(&exchange->up, bytes, len));
}

/*
 * Trailers come when the head has gone out, too late to stop the request or to make room for
 * the credential. Where there are secrets none goes on, as RFC 9110 §6.5.1 lets a recipient do.
 */
static void guest_end(void *owner, struct http_stream *stream, struct http_fields *trailers)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	if (exchange == NULL)
		return;
	after_relay(exchange,
		    relay_end(&exchange->up, exchange->secrets == NULL ? trailers : NULL));
	if (exchange->grant.credential != NULL)
		exchange_send(exchange);
}

static void guest_cut(void *owner, struct http_stream *stream, enum http_cut why)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	(void)why;
	if (exchange == NULL)
		return;
	exchange->is_answered = true;
	detach_origin(exchange);
}

static void guest_room(void *owner, struct http_stream *stream)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	if (exchange == NULL)
		return;
	if (exchange->page.len > 0)
		send_page(exchange);
	else
		after_relay(exchange, relay_move(&exchange->down));
}

/* Its response is complete, or it was cut; the origin has no more to say to it. */
static void guest_gone(void *owner, struct http_stream *stream)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	if (exchange == NULL)
		return;
	exchange->guest = NULL;
	if (exchange->origin != NULL)
		tell(exchange, 0, NULL);
	detach_origin(exchange);
	end_if_over(exchange);
}

static void guest_broken(void *owner, const char *why)
{
	(void)owner;
	(void)why; /* the codec told the client */
}

const struct http_events exchange_guest_events = {
	.request = guest_request,
	.data = guest_data,
	.end = guest_end,
	.cut = guest_cut,
	.room = guest_room,
	.gone = guest_gone,
	.broken = guest_broken,
};

/* Where the origin was given something to show. */
static int begin_masking(struct exchange *exchange, struct http_response *response, bool has_body)
{
	int r = is_bound(exchange) ? masking_begin(exchange->secrets->set, response, has_body,
						   &exchange->masker)
				   : 0;

	if (exchange->masker != NULL) {
		exchange->down.filter = mask;
		exchange->down.context = exchange->masker;
	}
	return r;
}

/* The reply of a token endpoint is shown when it is complete, without its tokens. */
static int show_grant(void *context, const uint8_t *bytes, size_t len, bool end, struct buf *out)
{
	struct exchange *exchange = context;
	struct grant *grant = &exchange->grant;
	int r = grant_gather(grant, bytes, len);

	if (r < 0 || !end)
		return r;
	r = grant_take(grant, control_of(exchange));
	if (r == 0)
		r = http_respond(exchange->guest, &grant->head, true);
	if (r < 0)
		return r;
	tell(exchange, grant->head.status, NULL);
	exchange->is_answered = true;
	return buf_append(out, grant->body.data, grant->body.len);
}

static void hold_grant(struct exchange *exchange, struct http_response *response)
{
	grant_hold(&exchange->grant, response);
	exchange->down.filter = show_grant;
	exchange->down.context = exchange;
}

/* What leads past this proxy is not shown (P29). */
static void answer(struct exchange *exchange, struct http_response *response, bool has_body)
{
	if (exchange->grant.credential != NULL && has_body) {
		hold_grant(exchange, response);
		return;
	}
	if (begin_masking(exchange, response, has_body) < 0) {
		refuse_with(
			exchange, EOPNOTSUPP, NULL,
			"the origin sent an encoding that cannot be looked through for secrets");
		return;
	}
	(void)http_fields_remove(&response->fields, "alt-svc");
	if (http_respond(exchange->guest, response, has_body) < 0) {
		refuse_with(exchange, EPROTO, NULL, "the origin's response cannot be passed on");
		return;
	}
	tell(exchange, response->status, NULL);
	exchange->is_answered = true;
}

/*
 * What comes before the answer (RFC 9110 §15.2): its head is looked through like the answer's.
 * After 101 frames flow both ways, which a token endpoint has no use for.
 */
static void pass_interim(struct exchange *exchange, struct http_response *response)
{
	bool is_switch = response->status == 101;

	if (exchange->grant.credential != NULL || begin_masking(exchange, response, false) < 0) {
		if (is_switch)
			refuse_with(exchange, EPROTO, NULL,
				    "the origin's response cannot be passed on");
		return;
	}
	if (is_switch) {
		exchange->up.filter = NULL;
		exchange->is_answered = true;
		tell(exchange, response->status, NULL);
	}
	(void)http_respond(exchange->guest, response, false);
}

static void origin_response(void *owner, struct http_stream *stream, struct http_response *response,
			    bool has_body)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	if (exchange == NULL || exchange->guest == NULL)
		return;
	if (response->status >= 200)
		answer(exchange, response, has_body);
	else
		pass_interim(exchange, response);
}

static void origin_data(void *owner, struct http_stream *stream, const uint8_t *bytes, size_t len)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	if (exchange == NULL || exchange->guest == NULL)
		http_consumed(stream, len);
	else
		after_relay(exchange, relay_data(&exchange->down, bytes, len));
}

/* Looked through as the head is; those of a login are not shown at all. */
static struct http_fields *masked_trailers(const struct exchange *exchange,
					   struct http_fields *trailers)
{
	unsigned masked;

	if (exchange->grant.credential != NULL)
		return NULL;
	if (is_bound(exchange) &&
	    credentials_mask_fields(exchange->secrets->set, trailers, &masked) < 0)
		return NULL;
	return trailers;
}

static void origin_end(void *owner, struct http_stream *stream, struct http_fields *trailers)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	if (exchange != NULL && exchange->guest != NULL)
		after_relay(exchange,
			    relay_end(&exchange->down, masked_trailers(exchange, trailers)));
}

/* With TLS 1.3 a server wants its client's certificate when the handshake is over for us (P22). */
static const char *why_gone(const struct source *source)
{
	const struct tls_end *tls = source->origin->channel.tls;

	if (tls != NULL && tls_was_asked_certificate(tls))
		return "the origin asks for a client certificate, which cannot pass where requests "
		       "are looked into, and closed the connection";
	return "the origin closed the connection before it answered";
}

static void origin_cut(void *owner, struct http_stream *stream, enum http_cut why)
{
	struct exchange *exchange = stream->tag;

	if (exchange != NULL && exchange->guest != NULL && !exchange->down.is_ended)
		refuse_with(exchange, why == HTTP_CUT_MALFORMED ? EILSEQ : ECONNRESET, NULL,
			    why == HTTP_CUT_MALFORMED
				    ? "the origin's response is no HTTP that can be believed"
				    : why_gone(owner));
}

static void origin_room(void *owner, struct http_stream *stream)
{
	struct exchange *exchange = stream->tag;

	(void)owner;
	if (exchange != NULL)
		after_relay(exchange, relay_move(&exchange->up));
}

/* The stream is over, and perhaps its connection, without a whole response. */
static void origin_gone(void *owner, struct http_stream *stream)
{
	struct source *source = owner;
	struct exchange *exchange = stream->tag;

	source->streams--;
	if (exchange == NULL)
		return;
	exchange->origin = NULL;
	exchange->source = NULL;
	if (exchange->guest != NULL && !exchange->is_answered)
		refuse_with(exchange, ECONNRESET, NULL, why_gone(source));
	end_if_over(exchange);
}

static void origin_broken(void *owner, const char *why)
{
	struct source *source = owner;

	(void)why;
	source->is_stale = true;
}

const struct http_events exchange_origin_events = {
	.response = origin_response,
	.data = origin_data,
	.end = origin_end,
	.cut = origin_cut,
	.room = origin_room,
	.gone = origin_gone,
	.broken = origin_broken,
};
