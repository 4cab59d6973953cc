/*
 * ASKING	a message of the guest is being read.
 * WAITING	one is whole, and it is not known yet whether the host has an agent.
 * PASSING	it goes to the host's agent.
 * HEARING	the agent's answer is being read.
 * ANSWERING	an answer goes to the guest.
 */
#include "sbx-proxy/agent.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/fd.h"
#include "sbx-proxy/channel.h"
#include "sbx-proxy/proxy.h"

enum {
	LENGTH_SIZE = 4,
	MESSAGE_MAX = 256 << 10, /* bytes with the length; OpenSSH's own bound */
	FAILURE = 5,
	REQUEST_IDENTITIES = 11,
	SIGN_REQUEST = 13,
};

enum agent_state { ASKING, WAITING, PASSING, HEARING, ANSWERING };

struct agent {
	struct proxy *proxy;   /* weak */
	struct channel *guest; /* weak */
	struct channel host;   /* not open: there is none */
	struct agent_wish wish;
	bool is_granted; /* the wish was answered */
	enum agent_state state;
	struct buf message;
	void *owner;
	void (*over)(void *owner);
};

static int fail(struct agent *agent)
{
	static const uint8_t failure[] = { 0, 0, 0, 1, FAILURE };

	buf_clear(&agent->message);
	agent->state = ANSWERING;
	return buf_append(&agent->message, failure, sizeof(failure));
}

/* Reads up to the end of a message, never beyond. 1: it is whole, 0: wait, -errno. */
static int read_message(struct channel *from, struct buf *message)
{
	for (;;) {
		bool has_length = message->len >= LENGTH_SIZE;
		size_t whole = LENGTH_SIZE + (has_length ? be32_load(message->data) : 0);
		ssize_t n;
		void *to;

		if (whole > MESSAGE_MAX || (has_length && whole == LENGTH_SIZE))
			return -EPROTO;
		if (has_length && message->len == whole)
			return 1;
		to = buf_reserve(message, whole - message->len);
		if (to == NULL)
			return -ENOMEM;
		n = channel_read(from, to, whole - message->len);
		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return n == 0 ? -EPIPE : (int)n;
		message->len += (size_t)n;
	}
}

/* 1: all of it is gone, 0: wait, -errno. */
static int write_message(struct channel *to, struct buf *message)
{
	while (message->len > 0) {
		ssize_t n = channel_write(to, message->data, message->len);

		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return (int)n;
		buf_consume(message, (size_t)n);
	}
	buf_finish(message);
	return 1;
}

/* What may pass is passed; a signature is an event. */
static int decide(struct agent *agent)
{
	uint8_t type = agent->message.data[LENGTH_SIZE];

	if (type != REQUEST_IDENTITIES && type != SIGN_REQUEST)
		return fail(agent);
	if (!agent->is_granted) {
		agent->state = WAITING;
		return 0;
	}
	if (!channel_is_open(&agent->host))
		return fail(agent);
	if (type == SIGN_REQUEST)
		control_tell(&agent->proxy->control, PROXY_SECRET_USED, "ssh-agent", NULL,
			     "a signature was asked for");
	agent->state = PASSING;
	return 0;
}

/* 1: go on at once, 0: wait, -errno. */
static int step(struct agent *agent)
{
	int r = 0;

	switch (agent->state) {
	case ASKING:
		r = read_message(agent->guest, &agent->message);
		return r > 0 ? (decide(agent) < 0 ? -ENOMEM : 1) : r;
	case WAITING:
		if (!agent->is_granted)
			return 0;
		return decide(agent) < 0 ? -ENOMEM : 1;
	case PASSING:
		r = write_message(&agent->host, &agent->message);
		if (r > 0)
			agent->state = HEARING;
		return r;
	case HEARING:
		r = read_message(&agent->host, &agent->message);
		if (r > 0)
			agent->state = ANSWERING;
		return r;
	case ANSWERING:
		r = write_message(agent->guest, &agent->message);
		if (r > 0)
			agent->state = ASKING;
		return r;
	}
	return r;
}

void agent_move(struct agent *agent)
{
	int r;

	do
		r = step(agent);
	while (r > 0);
	if (r < 0) {
		agent->over(agent->owner);
		return;
	}
	channel_wait(agent->guest, agent->state == ASKING, agent->state == ANSWERING);
	channel_wait(&agent->host, agent->state == HEARING, agent->state == PASSING);
}

static void host_ready(struct channel *host)
{
	agent_move(container_of(host, struct agent, host));
}

static void granted(struct agent_wish *wish, int fd)
{
	struct agent *agent = container_of(wish, struct agent, wish);

	agent->is_granted = true;
	if (fd >= 0) {
		(void)fd_set_nonblock(fd, true); /* each call says so too */
		channel_open(&agent->host, fd);
	}
	agent_move(agent);
}

int agent_create(struct proxy *proxy, struct channel *guest, void *owner, void (*over)(void *owner),
		 struct agent **ret)
{
	struct agent *agent;

	if (proxy->agents_count == PROXY_AGENTS_MAX)
		return -EBUSY;
	agent = calloc(1, sizeof(*agent));
	if (agent == NULL)
		return -ENOMEM;
	proxy->agents_count++;
	agent->proxy = proxy;
	agent->guest = guest;
	agent->owner = owner;
	agent->over = over;
	channel_init(&agent->host, proxy->loop, host_ready);
	buf_init(&agent->message, MESSAGE_MAX);
	agent_wish_init(&agent->wish, granted);
	/* Without sbxd there is no agent. */
	agent->is_granted = control_want_agent(&proxy->control, &agent->wish) < 0;
	*ret = agent;
	return 0;
}

void agent_destroy(struct agent *agent)
{
	if (agent == NULL)
		return;
	agent->proxy->agents_count--;
	agent_wish_end(&agent->wish);
	channel_finish(&agent->host);
	buf_finish(&agent->message);
	free(agent);
}
