#include "dns/client.h"

#include <errno.h>

#include "base/bytes.h"
#include "tests/unit/test.h"

/* A world of sockets that only remember. */
static struct {
	struct dns_lookup *lookup; /* of the last socket */
	uint16_t port;		   /* of the resolver that it leads to */
	bool is_stream;
	unsigned opened, closed, sent;
	uint8_t bytes[DNS_QUERY_MAX + 2];
	size_t len;
	int open_error;
	uint16_t id; /* the next random one */
} world;

static int fake_open(void *owner, struct dns_lookup *lookup, const struct endpoint *resolver,
		     bool is_stream, void **ret_tag)
{
	(void)owner;
	if (world.open_error != 0)
		return world.open_error;
	world.lookup = lookup;
	world.port = resolver->port;
	world.is_stream = is_stream;
	world.opened++;
	*ret_tag = &world;
	return 0;
}

static int fake_send(void *owner, void *tag, const uint8_t *bytes, size_t len)
{
	(void)owner;
	(void)tag;
	memcpy(world.bytes, bytes, len);
	world.len = len;
	world.sent++;
	return 0;
}

static void fake_close(void *owner, void *tag)
{
	(void)owner;
	(void)tag;
	world.closed++;
}

static void fake_random(void *owner, void *to, size_t len)
{
	(void)owner;
	world.id++;
	memcpy(to, &world.id, len);
}

static const struct dns_world fake = { fake_open, fake_send, fake_close, fake_random };

static struct {
	unsigned done;
	bool has_answer;
	size_t count;
	enum dns_rcode rcode;
} seen;

static void done(void *context, struct dns_answer *answer)
{
	(void)context;
	seen.done++;
	seen.has_answer = answer != NULL;
	seen.count = answer == NULL ? 0 : answer->count;
	seen.rcode = answer == NULL ? DNS_SERVFAIL : answer->rcode;
}

static struct dns_client *start(unsigned resolvers)
{
	const struct endpoint endpoints[] = { { { ADDRESS_V4, { 127 } }, 1001 },
					      { { ADDRESS_V4, { 127 } }, 1002 } };
	struct dns_client *client = NULL;

	memset(&world, 0, sizeof(world));
	memset(&seen, 0, sizeof(seen));
	(void)dns_client_create(&fake, NULL, &client);
	dns_client_set_resolvers(client, endpoints, resolvers);
	return client;
}

static int ask(struct dns_client *client)
{
	int r = dns_client_ask(client, "a.test", DNS_A, done, client, 0);

	(void)dns_client_tick(client, 0);
	return r;
}

/* What a resolver says to the query last sent, with one address or as told. */
static size_t reply(uint8_t *to, unsigned flags, size_t count)
{
	const size_t prefix = world.is_stream ? 2 : 0;
	const struct dns_record record = { .name = "a.test",
					   .type = DNS_A,
					   .ttl = 60,
					   .address = { ADDRESS_V4, { 8, 8, 8, 8 } } };
	struct dns_query query;
	size_t len;

	(void)dns_query_parse(world.bytes + prefix, world.len - prefix, &query);
	len = dns_reply_compose(&query, DNS_NOERROR, &record, count, to + prefix, 512);
	be16_store(to + prefix + 2, (uint16_t)(be16_load(to + prefix + 2) | flags));
	if (prefix > 0)
		be16_store(to, (uint16_t)len);
	return prefix + len;
}

TEST(an_answer_ends_it)
{
	struct dns_client *client = start(2);
	uint8_t bytes[600];

	CHECK_EQ(ask(client), 0);
	CHECK_EQ(world.sent, 1);
	CHECK_EQ(world.port, 1001);
	dns_lookup_received(world.lookup, bytes, reply(bytes, 0, 1));
	CHECK_EQ(seen.done, 1);
	CHECK(seen.has_answer);
	CHECK_EQ(seen.count, 1);
	CHECK_EQ(world.closed, 1);
	CHECK_EQ(dns_client_tick(client, 0), UINT64_MAX);
	dns_client_destroy(client);
}

TEST(no_such_name_is_an_answer)
{
	struct dns_client *client = start(2);
	uint8_t bytes[600];

	CHECK_EQ(ask(client), 0);
	dns_lookup_received(world.lookup, bytes, reply(bytes, DNS_NXDOMAIN, 0));
	CHECK(seen.has_answer);
	CHECK_EQ(seen.rcode, DNS_NXDOMAIN);
	dns_client_destroy(client);
}

TEST(a_forged_answer_is_passed_over)
{
	struct dns_client *client = start(1);
	uint8_t bytes[600];
	size_t len;

	CHECK_EQ(ask(client), 0);
	len = reply(bytes, 0, 1);
	bytes[0] ^= 1;
	dns_lookup_received(world.lookup, bytes, len);
	CHECK_EQ(seen.done, 0);
	bytes[0] ^= 1;
	dns_lookup_received(world.lookup, bytes, len);
	CHECK_EQ(seen.done, 1);
	dns_client_destroy(client);
}

TEST(each_try_has_its_own_id_and_socket)
{
	struct dns_client *client = start(2);
	uint16_t first;

	CHECK_EQ(ask(client), 0);
	first = be16_load(world.bytes);
	CHECK_EQ(dns_client_tick(client, DNS_TRY_TIMEOUT_MS - 1), DNS_TRY_TIMEOUT_MS);
	CHECK_EQ(world.opened, 1);
	(void)dns_client_tick(client, DNS_TRY_TIMEOUT_MS);
	CHECK_EQ(world.opened, 2);
	CHECK_EQ(world.closed, 1);
	CHECK_EQ(world.port, 1002);
	CHECK(be16_load(world.bytes) != first);
	dns_client_destroy(client);
	CHECK_EQ(world.closed, 2);
}

TEST(silence_ends_it)
{
	struct dns_client *client = start(2);
	uint64_t now = 0, next;

	CHECK_EQ(ask(client), 0);
	while ((next = dns_client_tick(client, now)) != UINT64_MAX)
		now = next;
	CHECK_EQ(seen.done, 1);
	CHECK(!seen.has_answer);
	CHECK(now <= DNS_LOOKUP_TIMEOUT_MS);
	CHECK_EQ(world.opened, world.closed);
	dns_client_destroy(client);
}

TEST(a_failing_resolver_is_left)
{
	struct dns_client *client = start(2);
	uint8_t bytes[600];

	CHECK_EQ(ask(client), 0);
	dns_lookup_received(world.lookup, bytes, reply(bytes, DNS_SERVFAIL, 0));
	CHECK_EQ(seen.done, 0);
	(void)dns_client_tick(client, 1);
	CHECK_EQ(world.port, 1002);
	dns_lookup_failed(world.lookup);
	(void)dns_client_tick(client, 1);
	CHECK_EQ(world.port, 1001);
	dns_client_destroy(client);
}

TEST(a_host_without_network_fails_at_once)
{
	struct dns_client *client = start(2);

	world.open_error = -ENETUNREACH;
	CHECK_EQ(ask(client), 0);
	CHECK_EQ(seen.done, 1);
	CHECK(!seen.has_answer);
	dns_client_destroy(client);
}

TEST(without_resolvers_there_is_no_answer)
{
	struct dns_client *client = start(0);

	CHECK_EQ(ask(client), 0);
	CHECK_EQ(seen.done, 1);
	CHECK(!seen.has_answer);
	dns_client_destroy(client);
}

TEST(what_did_not_fit_is_asked_by_tcp)
{
	struct dns_client *client = start(2);
	uint8_t bytes[600];
	size_t len;

	CHECK_EQ(ask(client), 0);
	dns_lookup_received(world.lookup, bytes, reply(bytes, 0x0200, 0));
	(void)dns_client_tick(client, 1);
	CHECK(world.is_stream);
	CHECK_EQ(world.port, 1001);
	CHECK_EQ(world.sent, 1);
	dns_lookup_writable(world.lookup);
	CHECK_EQ(world.sent, 2);
	CHECK_EQ(be16_load(world.bytes), world.len - 2);
	len = reply(bytes, 0, 1);
	for (size_t i = 0; i < len; i++)
		dns_lookup_received(world.lookup, bytes + i, 1);
	CHECK_EQ(seen.done, 1);
	CHECK_EQ(seen.count, 1);
	dns_client_destroy(client);
}

TEST(a_broken_stream_is_left)
{
	struct dns_client *client = start(2);
	uint8_t bytes[600];

	CHECK_EQ(ask(client), 0);
	dns_lookup_received(world.lookup, bytes, reply(bytes, 0x0200, 0));
	(void)dns_client_tick(client, 1);
	dns_lookup_writable(world.lookup);
	dns_lookup_received(world.lookup, (const uint8_t *)"\0\3abc", 5);
	(void)dns_client_tick(client, 1);
	CHECK(!world.is_stream);
	CHECK_EQ(world.port, 1002);
	dns_client_destroy(client);
}

TEST(lookups_are_bounded_and_can_be_forgotten)
{
	struct dns_client *client = start(1);

	for (int i = 0; i < DNS_LOOKUPS_MAX; i++)
		CHECK_EQ(dns_client_ask(client, "a.test", DNS_A, done, client, 0), 0);
	CHECK_EQ(dns_client_ask(client, "a.test", DNS_A, done, client, 0), -EBUSY);
	dns_client_cancel(client, &world);
	CHECK_EQ(dns_client_ask(client, "a.test", DNS_A, done, client, 0), -EBUSY);
	dns_client_cancel(client, client);
	CHECK_EQ(dns_client_ask(client, "a.test", DNS_A, done, client, 0), 0);
	CHECK_EQ(seen.done, 0);
	CHECK_EQ(dns_client_ask(client, "", DNS_A, done, client, 0), -EINVAL);
	dns_client_destroy(client);
}

TEST_MAIN()
