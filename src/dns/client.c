/*
 * A lookup is in one of these states:
 *
 *	free     in no use.
 *	due      no socket; the next tick opens one to the next resolver, or ends it.
 *	asked    a socket is open (for a stream: connecting, then asked); an answer,
 *	         a failure or the try's deadline moves it on.
 *
 * Ends are always reached in a tick or by a received answer, so that
 * dns_client_ask() never calls back.
 */
#include "dns/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

enum { STREAM_PREFIX = 2 }; /* bytes of the length before a message in a stream */

enum state { LOOKUP_FREE, LOOKUP_DUE, LOOKUP_ASKED };

struct dns_lookup {
	struct dns_client *client; /* weak */
	enum state state;
	dns_done_fn *done;
	void *context;
	void *tag; /* the world's, while asked */
	char name[DNS_NAME_MAX + 1];
	uint16_t type, id;
	unsigned tries;
	bool is_stream;	     /* this try, or the next one */
	struct buf received; /* of the stream */
	uint64_t try_ends_ms, ends_ms;
};

struct dns_client {
	const struct dns_world *world; /* weak */
	void *owner;		       /* weak */
	struct endpoint resolver[DNS_RESOLVERS_MAX];
	size_t resolvers;
	struct dns_lookup lookup[DNS_LOOKUPS_MAX];
	struct dns_answer answer; /* the one being read */
};

int dns_client_create(const struct dns_world *world, void *owner, struct dns_client **ret)
{
	struct dns_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return -ENOMEM;
	client->world = world;
	client->owner = owner;
	*ret = client;
	return 0;
}

static void close_try(struct dns_lookup *lookup)
{
	struct dns_client *client = lookup->client;

	if (lookup->state == LOOKUP_ASKED)
		client->world->close(client->owner, lookup->tag);
	lookup->tag = NULL;
	buf_finish(&lookup->received);
}

static void forget(struct dns_lookup *lookup)
{
	close_try(lookup);
	lookup->state = LOOKUP_FREE;
}

void dns_client_destroy(struct dns_client *client)
{
	if (client == NULL)
		return;
	for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++) {
		if (client->lookup[i].state != LOOKUP_FREE)
			forget(&client->lookup[i]);
	}
	free(client);
}

void dns_client_set_resolvers(struct dns_client *client, const struct endpoint *resolvers,
			      size_t count)
{
	client->resolvers = count < DNS_RESOLVERS_MAX ? count : DNS_RESOLVERS_MAX;
	memcpy(client->resolver, resolvers, client->resolvers * sizeof(*resolvers));
}

int dns_client_ask(struct dns_client *client, const char *name, uint16_t type, dns_done_fn *done,
		   void *context, uint64_t now_ms)
{
	size_t len = strlen(name);

	if (len == 0 || len > DNS_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++) {
		struct dns_lookup *lookup = &client->lookup[i];

		if (lookup->state != LOOKUP_FREE)
			continue;
		*lookup = (struct dns_lookup){ .client = client,
					       .state = LOOKUP_DUE,
					       .done = done,
					       .context = context,
					       .type = type,
					       .ends_ms = now_ms + DNS_LOOKUP_TIMEOUT_MS };
		memcpy(lookup->name, name, len + 1);
		buf_init(&lookup->received, STREAM_PREFIX + DNS_MESSAGE_MAX);
		return 0;
	}
	return -EBUSY;
}

void dns_client_cancel(struct dns_client *client, const void *context)
{
	for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++) {
		struct dns_lookup *lookup = &client->lookup[i];

		/* The one whose end is being told goes by itself. */
		if (lookup->state != LOOKUP_FREE && lookup->done != NULL &&
		    lookup->context == context)
			forget(lookup);
	}
}

static void end(struct dns_lookup *lookup, struct dns_answer *answer)
{
	dns_done_fn *done = lookup->done;
	void *context = lookup->context;

	lookup->done = NULL;
	/* The bytes that the answer points into live until it was seen. */
	done(context, answer);
	forget(lookup);
}

/* Asked to due: the next tick goes to the next resolver. */
static void try_next(struct dns_lookup *lookup)
{
	close_try(lookup);
	lookup->state = LOOKUP_DUE;
	lookup->is_stream = false;
	lookup->tries++;
}

static int send_query(struct dns_lookup *lookup)
{
	struct dns_client *client = lookup->client;
	uint8_t bytes[STREAM_PREFIX + DNS_QUERY_MAX];
	size_t prefix = lookup->is_stream ? STREAM_PREFIX : 0;
	size_t len = dns_query_compose(lookup->id, lookup->name, lookup->type, bytes + prefix);

	if (prefix > 0)
		be16_store(bytes, (uint16_t)len);
	return client->world->send(client->owner, lookup->tag, bytes, prefix + len);
}

/* Due to asked. */
static void start_try(struct dns_lookup *lookup, uint64_t now_ms)
{
	struct dns_client *client = lookup->client;
	const struct endpoint *resolver = &client->resolver[lookup->tries % client->resolvers];

	client->world->random(client->owner, &lookup->id, sizeof(lookup->id));
	if (client->world->open(client->owner, lookup, resolver, lookup->is_stream, &lookup->tag) <
	    0) {
		try_next(lookup);
		return;
	}
	lookup->state = LOOKUP_ASKED;
	lookup->try_ends_ms = now_ms + DNS_TRY_TIMEOUT_MS;
	if (!lookup->is_stream && send_query(lookup) < 0)
		try_next(lookup);
}

void dns_lookup_writable(struct dns_lookup *lookup)
{
	assert(lookup->state == LOOKUP_ASKED && lookup->is_stream);
	if (send_query(lookup) < 0)
		try_next(lookup);
}

void dns_lookup_failed(struct dns_lookup *lookup)
{
	try_next(lookup);
}

/* A whole message of the resolver that was asked. */
static void take_message(struct dns_lookup *lookup, const uint8_t *bytes, size_t len)
{
	struct dns_answer *answer = &lookup->client->answer;
	int r = dns_answer_parse(bytes, len, lookup->id, lookup->name, lookup->type, answer);

	if (r == -ENOMSG && !lookup->is_stream)
		return; /* of a forger, who may have been faster */
	if (r < 0) {
		try_next(lookup);
	} else if (answer->is_truncated && !lookup->is_stream) {
		close_try(lookup);
		lookup->state = LOOKUP_DUE;
		lookup->is_stream = true;
	} else if (answer->rcode == DNS_NOERROR || answer->rcode == DNS_NXDOMAIN) {
		end(lookup, answer);
	} else {
		try_next(lookup);
	}
}

static void take_stream(struct dns_lookup *lookup, const uint8_t *bytes, size_t len)
{
	struct buf *received = &lookup->received;
	size_t size;

	if (buf_append(received, bytes, len) < 0) {
		try_next(lookup);
		return;
	}
	if (received->len < STREAM_PREFIX)
		return;
	size = be16_load(received->data);
	if (received->len - STREAM_PREFIX >= size)
		take_message(lookup, received->data + STREAM_PREFIX, size);
}

void dns_lookup_received(struct dns_lookup *lookup, const uint8_t *bytes, size_t len)
{
	assert(lookup->state == LOOKUP_ASKED);
	if (lookup->is_stream)
		take_stream(lookup, bytes, len);
	else
		take_message(lookup, bytes, len);
}

/* Runs one lookup; returns when it is due again. */
static uint64_t run(struct dns_lookup *lookup, uint64_t now_ms)
{
	const struct dns_client *client = lookup->client;
	/* Every resolver thrice, by then something else is wrong. */
	unsigned tries_max = 3 * (unsigned)client->resolvers;

	if (lookup->state == LOOKUP_ASKED && now_ms >= lookup->try_ends_ms)
		try_next(lookup);
	while (lookup->state == LOOKUP_DUE && now_ms < lookup->ends_ms && lookup->tries < tries_max)
		start_try(lookup, now_ms);
	if (now_ms >= lookup->ends_ms || lookup->state == LOOKUP_DUE) {
		end(lookup, NULL);
		return UINT64_MAX;
	}
	return lookup->try_ends_ms < lookup->ends_ms ? lookup->try_ends_ms : lookup->ends_ms;
}

uint64_t dns_client_tick(struct dns_client *client, uint64_t now_ms)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < DNS_LOOKUPS_MAX; i++) {
		struct dns_lookup *lookup = &client->lookup[i];

		if (lookup->state != LOOKUP_FREE && lookup->done != NULL) {
			uint64_t due = run(lookup, now_ms);

			next = due < next ? due : next;
		}
	}
	return next;
}
