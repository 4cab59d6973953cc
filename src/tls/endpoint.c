#include "tls/endpoint.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tls/failure.h"
#include "tls/leaf.h"
#include "tls/stapling.h"
#include "tls/trust.h"

struct tls_end {
	SSL *ssl; /* owned */
	const struct tls_io *io;
	void *owner;
	unsigned alpn;
	bool wants_write;
	bool asked_certificate;
	char *name;    /* owned */
	char *failure; /* owned */
};

/* As ALPN lists travel: length, name; the better one first. */
static const uint8_t alpn_wire[] = "\x02h2\x08http/1.1";
enum { ALPN_H2_SIZE = 3, ALPN_HTTP1_SIZE = 9 };

static int bio_read(BIO *bio, char *to, int room)
{
	struct tls_end *end = BIO_get_data(bio);
	ssize_t n = end->io->receive(end->owner, to, (size_t)room);

	BIO_clear_retry_flags(bio);
	if (n == -EAGAIN)
		BIO_set_retry_read(bio);
	return n < 0 ? -1 : (int)n;
}

static int bio_write(BIO *bio, const char *from, int len)
{
	struct tls_end *end = BIO_get_data(bio);
	ssize_t n = end->io->send(end->owner, from, (size_t)len);

	BIO_clear_retry_flags(bio);
	if (n == -EAGAIN)
		BIO_set_retry_write(bio);
	return n < 0 ? -1 : (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

/* Made once: OpenSSL has a few numbers for methods and never takes one back. */
static BIO_METHOD *io_method(void)
{
	static BIO_METHOD *method;

	if (method != NULL)
		return method;
	method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "owner");
	if (method != NULL) {
		(void)BIO_meth_set_read(method, bio_read);
		(void)BIO_meth_set_write(method, bio_write);
		(void)BIO_meth_set_ctrl(method, bio_control);
	}
	return method;
}

static int choose_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
		       const unsigned char *offered, unsigned offered_len, void *context)
{
	const struct tls_end *end = SSL_get_app_data(ssl);
	unsigned char *chosen;
	const uint8_t *ours = alpn_wire;
	unsigned ours_len = ALPN_H2_SIZE + ALPN_HTTP1_SIZE;

	(void)context;
	if ((end->alpn & ALPN_H2) == 0) {
		ours += ALPN_H2_SIZE;
		ours_len -= ALPN_H2_SIZE;
	}
	if ((end->alpn & ALPN_HTTP1) == 0)
		ours_len -= ALPN_HTTP1_SIZE;
	if (SSL_select_next_proto(&chosen, ret_len, ours, ours_len, offered, offered_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* We have none; that it was asked for explains what comes next. */
static int asked_certificate(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
	struct tls_end *end = SSL_get_app_data(ssl);

	(void)certificate;
	(void)key;
	end->asked_certificate = true;
	return 0;
}

/* Called for each certificate; says why the first bad one is bad. */
static int verified(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_end *end = SSL_get_app_data(ssl);

	if (!ok && end->failure == NULL)
		end->failure = failure_of_certificate(store, end->name);
	return ok;
}

/* 1 goes on, 0 ends the handshake with an alert: as OpenSSL's callback returns. */
static int judge_stapling(SSL *ssl, void *context)
{
	struct tls_end *end = SSL_get_app_data(ssl);
	enum stapling stapling = stapling_of(ssl);

	(void)context;
	if (stapling == STAPLING_ABSENT || stapling == STAPLING_GOOD)
		return 1;
	if (end->failure == NULL)
		end->failure = failure_of_stapling(stapling == STAPLING_REVOKED, end->name);
	return 0;
}

static int set_io(struct tls_end *end)
{
	BIO *bio = BIO_new(io_method());

	if (bio == NULL)
		return -ENOMEM;
	BIO_set_data(bio, end);
	BIO_set_init(bio, 1);
	SSL_set_bio(end->ssl, bio, bio);
	return 0;
}

static int begin(SSL_CTX *context, const struct tls_config *config, struct tls_end **ret)
{
	struct tls_end *end = calloc(1, sizeof(*end));

	if (end == NULL)
		return -ENOMEM;
	end->io = config->io;
	end->owner = config->owner;
	end->alpn = config->alpn;
	end->name = strdup(config->name);
	end->ssl = SSL_new(context);
	if (end->name == NULL || end->ssl == NULL || set_io(end) < 0) {
		tls_destroy(end);
		return -ENOMEM;
	}
	(void)SSL_set_app_data(end->ssl, end);
	SSL_set_read_ahead(end->ssl, 1);
	*ret = end;
	return 0;
}

int tls_accept(struct leaves *leaves, const struct tls_config *config, struct tls_end **ret)
{
	SSL_CTX *context = leaves_context(leaves);
	X509 *certificate = leaves_get(leaves, config->name);
	struct tls_end *end;
	int r;

	if (certificate == NULL)
		return -ENOMEM;
	SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
	r = begin(context, config, &end);
	if (r < 0)
		return r;
	if (SSL_use_certificate(end->ssl, certificate) != 1 ||
	    SSL_use_PrivateKey(end->ssl, leaves_key(leaves)) != 1) {
		ERR_clear_error();
		tls_destroy(end);
		return -ENOMEM;
	}
	SSL_set_accept_state(end->ssl);
	*ret = end;
	return 0;
}

/* RFC 6066: an address is never in server_name; it is verified all the same. */
static int expect_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return 0;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
						       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
			       SSL_set_tlsext_host_name(ssl, name) == 1
		       ? 0
		       : -ENOMEM;
}

static int offer_alpn(SSL *ssl, unsigned alpn)
{
	const uint8_t *list = alpn_wire;
	unsigned len = 0;

	if ((alpn & ALPN_H2) == 0)
		list += ALPN_H2_SIZE;
	else
		len += ALPN_H2_SIZE;
	if ((alpn & ALPN_HTTP1) != 0)
		len += ALPN_HTTP1_SIZE;
	return len == 0 || SSL_set_alpn_protos(ssl, list, len) == 0 ? 0 : -ENOMEM;
}

int tls_connect(struct trust *trust, const struct tls_config *config, struct tls_end **ret)
{
	SSL_CTX *context = trust_context(trust);
	struct tls_end *end;
	int r;

	SSL_CTX_set_client_cert_cb(context, asked_certificate);
	stapling_ask(context, judge_stapling);
	r = begin(context, config, &end);
	if (r < 0)
		return r;
	if (expect_name(end->ssl, config->name) < 0 || offer_alpn(end->ssl, config->alpn) < 0) {
		ERR_clear_error();
		tls_destroy(end);
		return -ENOMEM;
	}
	SSL_set_verify(end->ssl, SSL_VERIFY_PEER, verified);
	SSL_set_connect_state(end->ssl);
	*ret = end;
	return 0;
}

void tls_destroy(struct tls_end *end)
{
	if (end == NULL)
		return;
	SSL_free(end->ssl);
	free(end->name);
	free(end->failure);
	free(end);
}

/* What a call of OpenSSL that moved nothing means. */
static int outcome(struct tls_end *end, int result)
{
	int what = SSL_get_error(end->ssl, result);

	switch (what) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		end->wants_write = what == SSL_ERROR_WANT_WRITE;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default: /* a number, not a set of ours */
		if (end->failure == NULL)
			end->failure =
				failure_sentence(end->ssl, end->name, end->asked_certificate);
		ERR_clear_error();
		return -EPROTO;
	}
}

int tls_handshake(struct tls_end *end)
{
	int r;

	if (end->failure != NULL)
		return -EPROTO;
	if (SSL_is_init_finished(end->ssl))
		return 1;
	ERR_clear_error();
	r = SSL_do_handshake(end->ssl);
	if (r == 1)
		return 1;
	r = outcome(end, r);
	return r == -EAGAIN ? 0 : -EPROTO;
}

bool tls_is_shaking(const struct tls_end *end)
{
	return end->failure == NULL && !SSL_is_init_finished(end->ssl);
}

ssize_t tls_read(struct tls_end *end, void *to, size_t room)
{
	size_t n;
	int r;

	if (end->failure != NULL)
		return -EPROTO;
	ERR_clear_error();
	r = SSL_read_ex(end->ssl, to, room, &n);
	return r == 1 ? (ssize_t)n : outcome(end, r);
}

ssize_t tls_write(struct tls_end *end, const void *from, size_t len)
{
	size_t n;
	int r;

	if (end->failure != NULL)
		return -EPROTO;
	if (len == 0)
		return 0;
	ERR_clear_error();
	r = SSL_write_ex(end->ssl, from, len, &n);
	if (r == 1)
		return (ssize_t)n;
	r = outcome(end, r);
	return r == 0 ? -EPROTO : r;
}

int tls_close(struct tls_end *end)
{
	int r;

	if (end->failure != NULL || !SSL_is_init_finished(end->ssl))
		return -EPROTO;
	ERR_clear_error();
	r = SSL_shutdown(end->ssl);
	return r >= 0 ? 0 : outcome(end, r);
}

bool tls_wants_write(const struct tls_end *end)
{
	return end->wants_write;
}

enum alpn tls_alpn(const struct tls_end *end)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(end->ssl, &name, &len);
	return len == 2 ? ALPN_H2 : ALPN_HTTP1;
}

bool tls_was_asked_certificate(const struct tls_end *end)
{
	return end->asked_certificate;
}

const char *tls_failure(const struct tls_end *end)
{
	return end->failure;
}
