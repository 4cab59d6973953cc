/* Two channels, a TLS handshake between them. */
#include <stdio.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "sbx-proxy/channel.h"
#include "tests/unit/test.h"
#include "tls/authority.h"
#include "tls/client_hello.h"
#include "tls/leaf.h"
#include "tls/trust.h"

struct fixture {
	struct loop *loop;
	struct channel server, client;
	struct leaves *leaves;
	struct trust *trust;
	unsigned woken; /* times the server's channel was ready */
};

static struct fixture *current;

static void ready(struct channel *channel)
{
	current->woken += channel == &current->server;
}

static void make_authority(struct fixture *f)
{
	struct authority_pem pem;
	struct err err = ERR_INIT;
	char both[8192];

	CHECK_EQ(authority_make("test", &pem, &err), 0);
	(void)snprintf(both, sizeof(both), "%s%s", pem.certificate, pem.key);
	CHECK_EQ(leaves_create(both, 8, &f->leaves, &err), 0);
	CHECK_EQ(trust_create(&f->trust), 0);
	CHECK_EQ(trust_add(f->trust, pem.certificate, &err), 0);
	authority_pem_finish(&pem);
}

static void begin(struct fixture *f)
{
	int fds[2];

	*f = (struct fixture){ .woken = 0 };
	current = f;
	make_authority(f);
	CHECK_EQ(loop_create(&f->loop), 0);
	CHECK_EQ(fd_socketpair(fds), 0);
	channel_init(&f->server, f->loop, ready);
	channel_init(&f->client, f->loop, ready);
	channel_open(&f->server, fds[0]);
	channel_open(&f->client, fds[1]);
	CHECK_EQ(channel_accept_tls(&f->server, f->leaves, "a.example", ALPN_HTTP1), 0);
	CHECK_EQ(channel_connect_tls(&f->client, f->trust, "a.example", ALPN_HTTP1), 0);
}

static void finish(struct fixture *f)
{
	channel_finish(&f->server);
	channel_finish(&f->client);
	leaves_destroy(f->leaves);
	trust_destroy(f->trust);
	loop_destroy(f->loop);
}

/* What arrives between a step of the handshake and the wait for the next is waited for too. */
TEST(to_wait_takes_no_bytes)
{
	struct fixture f;
	char got[8] = "";

	begin(&f);
	CHECK_EQ(channel_handshake(&f.client), 0); /* its hello */
	CHECK_EQ(channel_handshake(&f.server), 0); /* waits for the client's Finished */
	CHECK_EQ(channel_handshake(&f.client), 1);
	CHECK_EQ(channel_write(&f.client, "request", 7), 7);

	channel_wait(&f.server, true, false);
	CHECK_EQ(loop_step(f.loop, 0), 0);
	CHECK_EQ(f.woken, 1);
	CHECK_EQ(channel_handshake(&f.server), 1);
	CHECK_EQ(channel_read(&f.server, got, sizeof(got)), 7);
	CHECK_STR(got, "request");
	finish(&f);
}

TEST(a_channel_that_waits_for_nothing_is_not_woken)
{
	struct fixture f;

	begin(&f);
	channel_wait(&f.server, true, false);
	channel_wait(&f.server, false, false);
	CHECK_EQ(channel_handshake(&f.client), 0);
	CHECK_EQ(loop_step(f.loop, 0), 0);
	CHECK_EQ(f.woken, 0);
	finish(&f);
}

TEST_MAIN()
