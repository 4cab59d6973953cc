#include "sbx-proxy/origin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "sbx-proxy/proxy.h"
#include "tls/trust.h"

enum { TALK_MAX = 32768, TEXT_MAX = 256 };

void refusal_finish(struct refusal *refusal)
{
	free(refusal->rule);
	free(refusal->text);
	*refusal = (struct refusal){ .error = 0 };
}

void refusal_set(struct refusal *refusal, int error, const char *rule, const char *text)
{
	refusal_finish(refusal);
	refusal->error = error;
	refusal->rule = rule == NULL ? NULL : strdup(rule);
	refusal->text = text == NULL ? NULL : strdup(text);
}

static void settle(struct origin *origin, enum origin_state state)
{
	patience_stop(&origin->patience);
	buf_finish(&origin->said);
	buf_finish(&origin->heard);
	origin->state = state;
	channel_wait(&origin->channel, false, false); /* its owner says for what */
	if (state == ORIGIN_FAILED)
		channel_finish(&origin->channel);
	origin->settled(origin);
}

/* The policy's refusals have a rule, be it none that has a name. */
static void fail(struct origin *origin, int error, const char *rule, const char *text)
{
	if (error == EACCES && rule == NULL)
		rule = "";
	refusal_set(&origin->failure, error, rule, text);
	settle(origin, ORIGIN_FAILED);
}

/* A sentence for what has none. */
static void fail_plainly(struct origin *origin, int error)
{
	char text[TEXT_MAX + ORIGIN_NAME_MAX];

	(void)snprintf(text, sizeof(text), "cannot connect to %s:%u: %s",
		       origin->target.name[0] != '\0' ? origin->target.name : "the address",
		       origin->target.port, strerror(error));
	fail(origin, error, NULL, text);
}

static void shake(struct origin *origin)
{
	int r = channel_handshake(&origin->channel);

	if (r < 0) {
		char why[ERR_TEXT_MAX];
		const char *text = channel_failure(&origin->channel);

		(void)snprintf(why, sizeof(why), "%s", text != NULL ? text : "TLS failed");
		fail(origin, EPROTO, NULL, why);
	} else if (r == 0) {
		channel_wait(&origin->channel, true, false);
	} else {
		settle(origin, ORIGIN_OPEN);
	}
}

/* The way is open; now TLS, if it is wanted. */
static void connected(struct origin *origin)
{
	struct trust *trust = origin->proxy->control.orders.trust;
	int r;

	if (!origin->target.is_tls) {
		settle(origin, ORIGIN_OPEN);
		return;
	}
	origin->state = ORIGIN_SHAKING;
	r = trust == NULL ? -ENOKEY
			  : channel_connect_tls(&origin->channel, trust, origin->target.name,
						origin->target.alpn);
	if (r < 0)
		fail_plainly(origin, -r);
	else
		shake(origin);
}

/* Sends what is to be said; 0, -EAGAIN, -errno. */
static int say(struct origin *origin)
{
	while (origin->said.len > 0) {
		ssize_t n = channel_write(&origin->channel, origin->said.data, origin->said.len);

		if (n < 0)
			return (int)n;
		explicit_bzero(origin->said.data, (size_t)n);
		buf_consume(&origin->said, (size_t)n);
	}
	return 0;
}

/* 1: the way is open, 0: wait, else failed with err set. */
static int hear(struct origin *origin, struct err *err)
{
	for (;;) {
		size_t taken = 0;
		int r = upstream_hear(&origin->talk, origin->heard.data, origin->heard.len, &taken,
				      &origin->said, err);

		if (r < 0)
			return r;
		buf_consume(&origin->heard, taken);
		if (r > 0)
			return channel_put_back(&origin->channel, origin->heard.data,
						origin->heard.len) < 0
				       ? err_set(err, -ENOMEM, "no memory")
				       : 1;
		if (taken == 0)
			return 0;
	}
}

static int receive(struct origin *origin, struct err *err)
{
	void *to = buf_reserve(&origin->heard, 1024);
	ssize_t n = to == NULL ? -ENOBUFS : channel_read(&origin->channel, to, 1024);

	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return err_set(err, -ECONNREFUSED, "the upstream proxy closed the connection");
	origin->heard.len += (size_t)n;
	return hear(origin, err);
}

static void talk(struct origin *origin)
{
	struct err err = ERR_INIT;
	int sent = say(origin), r;

	if (sent < 0 && sent != -EAGAIN) {
		fail(origin, ECONNREFUSED, NULL, "the upstream proxy closed the connection");
		return;
	}
	r = receive(origin, &err);
	if (r > 0) {
		connected(origin);
	} else if (r < 0) {
		fail(origin, -r, NULL, err.text);
	} else {
		if (sent == 0)
			sent = say(origin);
		channel_wait(&origin->channel, true, sent == -EAGAIN);
	}
}

static void begin_talk(struct origin *origin, const char *host)
{
	const struct orders *orders = &origin->proxy->control.orders;

	origin->state = ORIGIN_TALKING;
	if (!orders->has_upstream) {
		fail(origin, ECONNREFUSED, NULL, "the upstream proxy is not known yet");
		return;
	}
	if (upstream_begin(&origin->talk, &orders->upstream, host, origin->target.port,
			   &origin->said) < 0)
		fail_plainly(origin, EINVAL);
	else
		talk(origin);
}

/* Through an upstream proxy the address of the socket is the proxy's. */
static void note_address(struct origin *origin, int fd)
{
	struct sockaddr_storage storage;
	socklen_t len = sizeof(storage);
	struct endpoint peer;

	if (getpeername(fd, (struct sockaddr *)&storage, &len) == 0 &&
	    endpoint_from_sockaddr(&storage, &peer) == 0)
		origin->address = peer.address;
}

static void answered(struct dial *dial, const struct net_message *message, int fd)
{
	struct origin *origin = container_of(dial, struct origin, dial);

	if (fd < 0) {
		int error = message->error != 0 ? (int)message->error : EPROTO;

		if (message->text != NULL)
			fail(origin, error, message->rule, message->text);
		else
			fail_plainly(origin, error);
		return;
	}
	channel_open(&origin->channel, fd);
	if ((message->flags & NET_FLAG_VIA_UPSTREAM) != 0) {
		begin_talk(origin, origin->talk.host);
		return;
	}
	note_address(origin, fd);
	connected(origin);
}

static void stirred(struct channel *channel)
{
	struct origin *origin = container_of(channel, struct origin, channel);

	switch (origin->state) {
	case ORIGIN_DIALLING:
	case ORIGIN_FAILED:
		break;
	case ORIGIN_TALKING:
		talk(origin);
		break;
	case ORIGIN_SHAKING:
		shake(origin);
		break;
	case ORIGIN_OPEN:
		origin->ready(origin);
		break;
	}
}

static void lost_patience(struct patience_wait *wait)
{
	struct origin *origin = container_of(wait, struct origin, patience);

	dial_end(&origin->dial);
	fail_plainly(origin, ETIMEDOUT);
}

struct origin *origin_create(const struct origin_config *config)
{
	struct origin *origin = calloc(1, sizeof(*origin));
	const struct origin_target *target = config->target;
	const char *name;

	if (origin == NULL)
		return NULL;
	name = target->name[0] != '\0' ? origin->target.name : NULL;
	origin->proxy = config->proxy;
	origin->target = *target;
	origin->owner = config->owner;
	origin->settled = config->settled;
	origin->ready = config->ready;
	origin->talk.host = name != NULL ? name : config->address;
	channel_init(&origin->channel, config->proxy->loop, stirred);
	buf_init(&origin->said, TALK_MAX);
	buf_init(&origin->heard, TALK_MAX);
	dial_init(&origin->dial, answered);
	patience_wait_init(&origin->patience, lost_patience);
	patience_start(&config->proxy->connect, &origin->patience);
	/* What cannot be asked is not answered: patience ends it. */
	(void)link_dial(&config->proxy->link, &origin->dial, target->flow, name, target->port);
	return origin;
}

void origin_destroy(struct origin *origin)
{
	if (origin == NULL)
		return;
	patience_stop(&origin->patience);
	dial_end(&origin->dial);
	channel_finish(&origin->channel);
	if (origin->said.data != NULL)
		explicit_bzero(origin->said.data, origin->said.len);
	buf_finish(&origin->said);
	buf_finish(&origin->heard);
	refusal_finish(&origin->failure);
	free(origin);
}
