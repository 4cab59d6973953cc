/* Two ends, and between them two buffers for the network. */
#include <errno.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/unit/test.h"
#include "tls/authority.h"
#include "tls/endpoint.h"
#include "tls/leaf.h"
#include "tls/trust.h"
#include "tls/x509.h"

enum { PIPE_MAX = 32768 };

/* One side of the network: what it reads, and where what it sends goes. */
struct side {
	struct buf *in, *out;
	bool in_ended;
	size_t step; /* bytes moved at once; 0: all */
};

static ssize_t side_receive(void *owner, void *to, size_t room)
{
	struct side *side = owner;

	if (side->in->len == 0)
		return side->in_ended ? 0 : -EAGAIN;
	if (side->step > 0 && room > side->step)
		room = side->step;
	if (room > side->in->len)
		room = side->in->len;
	memcpy(to, side->in->data, room);
	buf_consume(side->in, room);
	return (ssize_t)room;
}

static ssize_t side_send(void *owner, const void *from, size_t len)
{
	struct side *side = owner;
	size_t room = side->out->max - side->out->len;

	if (room == 0)
		return -EAGAIN;
	if (side->step > 0 && len > side->step)
		len = side->step;
	if (len > room)
		len = room;
	return buf_append(side->out, from, len) < 0 ? -ENOMEM : (ssize_t)len;
}

static const struct tls_io side_io = { .receive = side_receive, .send = side_send };

struct fixture {
	struct buf up, down;
	struct side guest, origin;
	struct leaves *leaves;
	struct trust *trust;
	struct tls_end *server, *client;
};

static char *make_pem(char **ret_certificate)
{
	struct authority_pem pem;
	struct err err = ERR_INIT;
	char *both;

	if (authority_make("test", &pem, &err) < 0)
		return NULL;
	both = malloc(strlen(pem.certificate) + strlen(pem.key) + 1);
	if (both != NULL)
		(void)sprintf(both, "%s%s", pem.certificate, pem.key);
	*ret_certificate = strdup(pem.certificate);
	authority_pem_finish(&pem);
	return both;
}

static void begin_pipes(struct fixture *f)
{
	*f = (struct fixture){ .server = NULL };
	buf_init(&f->up, PIPE_MAX);
	buf_init(&f->down, PIPE_MAX);
	f->guest = (struct side){ .in = &f->up, .out = &f->down };
	f->origin = (struct side){ .in = &f->down, .out = &f->up };
}

/* Authority, and a trust that knows it when `trusted`. */
static void begin(struct fixture *f, bool trusted)
{
	char *certificate, *pem = make_pem(&certificate);
	struct err err = ERR_INIT;

	begin_pipes(f);
	(void)leaves_create(pem, 8, &f->leaves, &err);
	(void)trust_create(&f->trust);
	if (trusted)
		(void)trust_add(f->trust, certificate, &err);
	free(pem);
	free(certificate);
}

static void finish(struct fixture *f)
{
	tls_destroy(f->client);
	tls_destroy(f->server);
	leaves_destroy(f->leaves);
	trust_destroy(f->trust);
	buf_finish(&f->up);
	buf_finish(&f->down);
}

static int open_ends(struct fixture *f, const char *shown, unsigned server_alpn,
		     const char *expected, unsigned client_alpn)
{
	int r = tls_accept(
		f->leaves,
		&(struct tls_config){
			.name = shown, .alpn = server_alpn, .io = &side_io, .owner = &f->guest },
		&f->server);

	if (r == 0)
		r = tls_connect(f->trust,
				&(struct tls_config){ .name = expected,
						      .alpn = client_alpn,
						      .io = &side_io,
						      .owner = &f->origin },
				&f->client);
	return r;
}

/* Until both are done, or one failed, or nothing moves any more. */
static int shake(struct fixture *f)
{
	int client = 0, server = 0;

	for (int i = 0; i < 20000 && (client == 0 || server == 0); i++) {
		client = tls_handshake(f->client);
		server = tls_handshake(f->server);
		if (client < 0 || server < 0)
			break;
	}
	return client == 1 && server == 1 ? 1 : client < 0 || server < 0 ? -1 : 0;
}

TEST(a_connection_carries_bytes_both_ways)
{
	struct fixture f;
	char got[64];

	begin(&f, true);
	CHECK_EQ(
		open_ends(&f, "a.example", ALPN_H2 | ALPN_HTTP1, "a.example", ALPN_H2 | ALPN_HTTP1),
		0);
	CHECK_EQ(shake(&f), 1);
	CHECK_EQ(tls_alpn(f.client), ALPN_H2);
	CHECK_EQ(tls_alpn(f.server), ALPN_H2);
	CHECK_EQ(tls_write(f.client, "ping", 4), 4);
	CHECK_EQ(tls_read(f.server, got, sizeof(got)), 4);
	CHECK_MEM(got, "ping", 4);
	CHECK_EQ(tls_read(f.server, got, sizeof(got)), -EAGAIN);
	CHECK(!tls_wants_write(f.server));
	CHECK_EQ(tls_write(f.server, "pong", 4), 4);
	CHECK_EQ(tls_close(f.server), 0);
	CHECK_EQ(tls_read(f.client, got, sizeof(got)), 4);
	CHECK_EQ(tls_read(f.client, got, sizeof(got)), 0);
	CHECK_EQ(tls_write(f.client, "late", 4), 4);
	CHECK_EQ(tls_read(f.server, got, sizeof(got)), 4);
	CHECK(tls_failure(f.client) == NULL && tls_failure(f.server) == NULL);
	finish(&f);
}

TEST(the_protocol_is_what_both_can)
{
	struct fixture f;

	begin(&f, true);
	CHECK_EQ(open_ends(&f, "a.example", ALPN_HTTP1, "a.example", ALPN_H2 | ALPN_HTTP1), 0);
	CHECK_EQ(shake(&f), 1);
	CHECK_EQ(tls_alpn(f.client), ALPN_HTTP1);
	finish(&f);
	begin(&f, true);
	CHECK_EQ(open_ends(&f, "a.example", ALPN_HTTP1, "a.example", ALPN_H2), 0);
	CHECK_EQ(shake(&f), -1);
	finish(&f);
	begin(&f, true);
	CHECK_EQ(open_ends(&f, "a.example", ALPN_H2, "a.example", 0), 0);
	CHECK_EQ(shake(&f), 1);
	CHECK_EQ(tls_alpn(f.server), ALPN_HTTP1);
	finish(&f);
}

TEST(one_byte_at_a_time_works)
{
	struct fixture f;
	char got[16];

	begin(&f, true);
	f.guest.step = f.origin.step = 1;
	CHECK_EQ(open_ends(&f, "a.example", 0, "a.example", 0), 0);
	CHECK_EQ(shake(&f), 1);
	CHECK_EQ(tls_write(f.client, "x", 1), 1);
	CHECK_EQ(tls_read(f.server, got, sizeof(got)), 1);
	finish(&f);
}

TEST(a_full_network_is_waited_for)
{
	static uint8_t big[65536], got[PIPE_MAX];
	struct fixture f;
	size_t sent = 0, received = 0;

	begin(&f, true);
	CHECK_EQ(open_ends(&f, "a.example", 0, "a.example", 0), 0);
	CHECK_EQ(shake(&f), 1);
	for (int i = 0; i < 100 && received < sizeof(big); i++) {
		ssize_t n;

		while (sent < sizeof(big) &&
		       (n = tls_write(f.client, big + sent, sizeof(big) - sent)) > 0)
			sent += (size_t)n;
		CHECK(sent == sizeof(big) || tls_wants_write(f.client));
		while ((n = tls_read(f.server, got, sizeof(got))) > 0)
			received += (size_t)n;
		CHECK_EQ(n, -EAGAIN);
	}
	CHECK_EQ(received, sizeof(big));
	finish(&f);
}

static bool fails_with(struct fixture *f, const char *words)
{
	const char *why;

	if (shake(f) != -1)
		return false;
	why = tls_failure(f->client);
	if (why == NULL || strstr(why, words) == NULL) {
		printf("# said: %s\n", why == NULL ? "(nothing)" : why);
		return false;
	}
	return true;
}

TEST(P20_another_name_is_refused)
{
	struct fixture f;

	begin(&f, true);
	CHECK_EQ(open_ends(&f, "b.example", 0, "a.example", 0), 0);
	CHECK(fails_with(&f, "shown for a.example is for b.example"));
	finish(&f);
	begin(&f, true);
	CHECK_EQ(open_ends(&f, "192.0.2.1", 0, "192.0.2.2", 0), 0);
	CHECK(fails_with(&f, "shown for 192.0.2.2 is for no name"));
	finish(&f);
}

TEST(P20_an_unknown_authority_is_refused)
{
	struct fixture f;

	begin(&f, false);
	CHECK_EQ(open_ends(&f, "a.example", 0, "a.example", 0), 0);
	CHECK(fails_with(&f, "does not trust"));
	finish(&f);
}

/* P21: the client in the guest says that it does not believe us. */
TEST(P21_a_pinning_client_is_told_of)
{
	struct fixture f;

	begin(&f, false);
	CHECK_EQ(open_ends(&f, "a.example", 0, "a.example", 0), 0);
	CHECK_EQ(shake(&f), -1);
	(void)tls_handshake(f.server);
	CHECK(tls_failure(f.server) != NULL);
	CHECK(strstr(tls_failure(f.server), "pins certificates") != NULL);
	finish(&f);
}

/* A server made by hand, for what ours never does. */
struct odd {
	SSL_CTX *context;
	SSL *ssl;
};

static void odd_begin(struct odd *odd, long days, int ask_certificate)
{
	EVP_PKEY *key = x509_key();
	X509 *certificate = x509_begin("a.example", key, NULL, days);

	(void)x509_extend(certificate, certificate, NID_subject_alt_name, "DNS:a.example");
	(void)X509_sign(certificate, key, EVP_sha256());
	odd->context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(odd->context, 0);
	(void)SSL_CTX_use_certificate(odd->context, certificate);
	(void)SSL_CTX_use_PrivateKey(odd->context, key);
	if (ask_certificate)
		SSL_CTX_set_verify(odd->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
	odd->ssl = SSL_new(odd->context);
	SSL_set_bio(odd->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(odd->ssl);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static char *odd_pem(const struct odd *odd)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long len;

	(void)PEM_write_bio_X509(bio, SSL_CTX_get0_certificate(odd->context));
	len = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

static void odd_step(struct odd *odd, struct fixture *f)
{
	char bytes[PIPE_MAX];
	int n;

	(void)BIO_write(SSL_get_rbio(odd->ssl), f->up.data, (int)f->up.len);
	buf_clear(&f->up);
	(void)SSL_do_handshake(odd->ssl);
	while ((n = BIO_read(SSL_get_wbio(odd->ssl), bytes, sizeof(bytes))) > 0)
		(void)buf_append(&f->down, bytes, (size_t)n);
}

/* What our client says of this server; trusted: its certificate is an authority to us. */
static bool odd_fails_with(struct odd *odd, bool trusted, const char *words)
{
	struct fixture f;
	struct err err = ERR_INIT;
	char *pem = odd_pem(odd);
	char byte;
	bool said = false;

	begin_pipes(&f);
	(void)trust_create(&f.trust);
	if (trusted)
		(void)trust_add(f.trust, pem, &err);
	(void)tls_connect(
		f.trust,
		&(struct tls_config){ .name = "a.example", .io = &side_io, .owner = &f.origin },
		&f.client);
	for (int i = 0; i < 10; i++) {
		if (tls_handshake(f.client) == 1)
			(void)tls_read(f.client, &byte, 1);
		odd_step(odd, &f);
	}
	if (tls_failure(f.client) != NULL)
		said = strstr(tls_failure(f.client), words) != NULL;
	if (!said)
		printf("# said: %s\n",
		       tls_failure(f.client) != NULL ? tls_failure(f.client) : "(nothing)");
	free(pem);
	finish(&f);
	SSL_free(odd->ssl);
	SSL_CTX_free(odd->context);
	return said;
}

TEST(P20_expired_is_refused)
{
	struct odd odd;

	odd_begin(&odd, 0, 0);
	X509_gmtime_adj(X509_getm_notAfter(SSL_CTX_get0_certificate(odd.context)), -60);
	CHECK(odd_fails_with(&odd, true, "has expired"));
}

TEST(P20_self_signed_is_refused)
{
	struct odd odd;

	odd_begin(&odd, 10, 0);
	CHECK(odd_fails_with(&odd, false, "self-signed"));
}

TEST(P20_old_TLS_is_refused)
{
	struct odd odd;

	odd_begin(&odd, 10, 0);
	(void)SSL_set_min_proto_version(odd.ssl, TLS1_VERSION);
	(void)SSL_set_max_proto_version(odd.ssl, TLS1_1_VERSION);
	CHECK(odd_fails_with(&odd, true, "no TLS from 1.2 on"));
}

TEST(P22_a_wanted_client_certificate_is_told_of)
{
	struct odd odd;

	odd_begin(&odd, 10, 1);
	CHECK(odd_fails_with(&odd, true, "asks for a client certificate"));
}

/* ---- revocation: what the origin staples */

/* An authority and a server's certificate from it; `features`: TLS features it promises. */
struct signed_server {
	X509 *authority, *certificate;
	EVP_PKEY *authority_key, *key;
};

static void signed_begin(struct signed_server *server, const char *features)
{
	server->authority_key = x509_key();
	server->authority = x509_begin("ca", server->authority_key, NULL, 10);
	(void)x509_extend(server->authority, server->authority, NID_basic_constraints,
			  "critical,CA:TRUE");
	(void)X509_sign(server->authority, server->authority_key, EVP_sha256());
	server->key = x509_key();
	server->certificate = x509_begin("a.example", server->key, server->authority, 10);
	(void)x509_extend(server->certificate, server->authority, NID_subject_alt_name,
			  "DNS:a.example");
	if (features != NULL)
		(void)x509_extend(server->certificate, server->authority, NID_tlsfeature, features);
	(void)X509_sign(server->certificate, server->authority_key, EVP_sha256());
}

static void signed_finish(struct signed_server *server)
{
	X509_free(server->authority);
	X509_free(server->certificate);
	EVP_PKEY_free(server->authority_key);
	EVP_PKEY_free(server->key);
}

struct staple {
	int status;	 /* V_OCSP_CERTSTATUS_…; -1: none is sent */
	long age_s;	 /* how long ago it ran out; negative: it still holds */
	bool is_foreign; /* signed by who may not */
	bool is_malformed;
};

/* The response, DER; owned by the caller. */
static int make_response(const struct signed_server *server, const struct staple *staple,
			 unsigned char **ret)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, server->certificate, server->authority);
	ASN1_TIME *from = X509_gmtime_adj(NULL, -7200), *to = X509_gmtime_adj(NULL, -staple->age_s);
	OCSP_RESPONSE *response;
	int len;

	(void)OCSP_basic_add1_status(basic, id, staple->status, OCSP_REVOKED_STATUS_NOSTATUS,
				     staple->status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL,
				     from, to);
	(void)OCSP_basic_sign(basic, staple->is_foreign ? server->certificate : server->authority,
			      staple->is_foreign ? server->key : server->authority_key,
			      EVP_sha256(), NULL, 0);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	*ret = NULL;
	len = i2d_OCSP_RESPONSE(response, ret);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return len;
}

static const struct staple *stapled;
static const struct signed_server *stapler;

static int staple_it(SSL *ssl, void *context)
{
	unsigned char *bytes;
	int len;

	(void)context;
	if (stapled->status < 0)
		return SSL_TLSEXT_ERR_NOACK;
	len = make_response(stapler, stapled, &bytes);
	if (stapled->is_malformed)
		bytes[0] ^=
			0xff; /* not in the middle: what stands there varies, and may not matter */
	(void)SSL_set_tlsext_status_ocsp_resp(ssl, bytes, len);
	return SSL_TLSEXT_ERR_OK;
}

static char *pem_of(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long len;

	(void)PEM_write_bio_X509(bio, certificate);
	len = BIO_get_mem_data(bio, &data);
	text = strndup(data, (size_t)len);
	BIO_free(bio);
	return text;
}

/* Whether our client goes on with a server that staples so; *ret_why: a copy of what it said. */
static bool accepts(const char *features, const struct staple *staple, int version, char **ret_why)
{
	struct signed_server server;
	struct odd odd;
	struct fixture f;
	struct err err = ERR_INIT;
	char *pem;
	bool done = false;

	signed_begin(&server, features);
	stapler = &server;
	stapled = staple;
	odd.context = SSL_CTX_new(TLS_server_method());
	(void)SSL_CTX_set_max_proto_version(odd.context, version);
	(void)SSL_CTX_use_certificate(odd.context, server.certificate);
	(void)SSL_CTX_use_PrivateKey(odd.context, server.key);
	(void)SSL_CTX_set_tlsext_status_cb(odd.context, staple_it);
	odd.ssl = SSL_new(odd.context);
	SSL_set_bio(odd.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(odd.ssl);
	begin_pipes(&f);
	pem = pem_of(server.authority);
	(void)trust_create(&f.trust);
	(void)trust_add(f.trust, pem, &err);
	(void)tls_connect(
		f.trust,
		&(struct tls_config){ .name = "a.example", .io = &side_io, .owner = &f.origin },
		&f.client);
	for (int i = 0; i < 10 && !done; i++) {
		done = tls_handshake(f.client) == 1;
		odd_step(&odd, &f);
	}
	*ret_why = strdup(tls_failure(f.client) != NULL ? tls_failure(f.client) : "");
	free(pem);
	finish(&f);
	SSL_free(odd.ssl);
	SSL_CTX_free(odd.context);
	signed_finish(&server);
	return done;
}

static bool says(const char *features, const struct staple *staple, const char *words)
{
	bool good = true;

	for (int version = TLS1_2_VERSION; good && version <= TLS1_3_VERSION; version++) {
		char *why;
		bool accepted = accepts(features, staple, version, &why);

		good = words == NULL ? accepted : !accepted && strstr(why, words) != NULL;
		if (!good)
			printf("# TLS %x: %s, %s\n", version, accepted ? "accepted" : "refused",
			       why);
		free(why);
	}
	return good;
}

TEST(P20_a_revoked_certificate_is_refused)
{
	CHECK(says(NULL, &(struct staple){ .status = V_OCSP_CERTSTATUS_REVOKED, .age_s = -3600 },
		   "is revoked"));
	CHECK(says("status_request",
		   &(struct staple){ .status = V_OCSP_CERTSTATUS_REVOKED, .age_s = -3600 },
		   "is revoked"));
	CHECK(says(NULL, &(struct staple){ .status = V_OCSP_CERTSTATUS_GOOD, .age_s = -3600 },
		   NULL));
	CHECK(says(NULL, &(struct staple){ .status = -1 }, NULL));
}

TEST(P20_what_proves_nothing_counts_as_nothing)
{
	CHECK(says(NULL, &(struct staple){ .status = V_OCSP_CERTSTATUS_UNKNOWN, .age_s = -3600 },
		   NULL));
	CHECK(says(NULL, &(struct staple){ .status = V_OCSP_CERTSTATUS_GOOD, .age_s = 3600 },
		   NULL));
	/* anybody could say so */
	CHECK(says(NULL,
		   &(struct staple){ .status = V_OCSP_CERTSTATUS_REVOKED,
				     .age_s = -3600,
				     .is_foreign = true },
		   NULL));
}

TEST(P20_a_promised_proof_must_come)
{
	static const struct staple bad[] = {
		{ .status = -1 },
		{ .status = V_OCSP_CERTSTATUS_GOOD, .age_s = 3600 },
		{ .status = V_OCSP_CERTSTATUS_UNKNOWN, .age_s = -3600 },
		{ .status = V_OCSP_CERTSTATUS_GOOD, .age_s = -3600, .is_foreign = true },
		{ .status = V_OCSP_CERTSTATUS_GOOD, .age_s = -3600, .is_malformed = true },
	};

	CHECK(says("status_request",
		   &(struct staple){ .status = V_OCSP_CERTSTATUS_GOOD, .age_s = -3600 }, NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(says("status_request", &bad[i], "must-staple"));
}

TEST(a_damaged_trust_is_refused)
{
	struct trust *trust;
	struct err err = ERR_INIT;
	char *certificate, *pem = make_pem(&certificate);

	CHECK_EQ(trust_create(&trust), 0);
	CHECK_EQ(trust_add(trust, "", &err), -EINVAL);
	CHECK_EQ(trust_add(trust, certificate, &err), 0);
	CHECK_EQ(trust_count(trust), 1);
	certificate[100] = '!';
	CHECK_EQ(trust_add(trust, certificate, &err), -EINVAL);
	trust_destroy(trust);
	free(pem);
	free(certificate);
}

TEST_MAIN()
