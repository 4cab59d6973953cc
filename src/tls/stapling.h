/*
 * Revocation, as far as an origin brings it along: a stapled OCSP response
 * (RFC 6066 §8) that says "revoked", or none good where the certificate
 * promises one (RFC 7633, must-staple), ends the connection. Nothing is fetched:
 * that would tell a third party which hosts are visited, and stand still when
 * it does not answer. Within tls/ only.
 */
#ifndef TLS_STAPLING_H
#define TLS_STAPLING_H

#include <openssl/ssl.h>

/* What became of it. */
enum stapling {
	STAPLING_ABSENT,  /* no response, or one that proves nothing; none was promised */
	STAPLING_GOOD,	  /* not revoked */
	STAPLING_REVOKED, /* so it says, signed by who may */
	STAPLING_MISSING, /* a good one was promised and is not here */
};

/* Asks for it in every ClientHello of the context; `judged` as of SSL_CTX_set_tlsext_status_cb().
 */
void stapling_ask(SSL_CTX *context, int (*judged)(SSL *ssl, void *context));

/* After the chain was verified. */
enum stapling stapling_of(SSL *ssl);

#endif
