#include "tls/context.h"

#include <openssl/err.h>

enum { SECURITY_LEVEL = 2 /* 112 bits: RSA 2048, no SHA-1 */ };

/*
 * A session that nobody resumes costs memory for each connection, so none is
 * kept; buffers are given back while a connection rests.
 */
static SSL_CTX *make(const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (context == NULL)
		return NULL;
	SSL_CTX_set_security_level(context, SECURITY_LEVEL);
	(void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	(void)SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						   SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
						SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return context;
}

SSL_CTX *context_for_guests(void)
{
	SSL_CTX *context = make(TLS_server_method());

	if (context == NULL)
		return NULL;
	(void)SSL_CTX_set_num_tickets(context, 0);
	/*
	 * Clients often close without close_notify. An origin that does leaves open whether a
	 * body that ends with the connection was whole, so that stays an error.
	 */
	(void)SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE |
						   SSL_OP_PRIORITIZE_CHACHA |
						   SSL_OP_IGNORE_UNEXPECTED_EOF);
	return context;
}

SSL_CTX *context_for_origins(void)
{
	SSL_CTX *context = make(TLS_client_method());

	if (context != NULL)
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return context;
}
