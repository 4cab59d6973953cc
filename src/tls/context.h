/*
 * What all ends of one side share: versions, ciphers, memory. Within tls/ only.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <openssl/ssl.h>

/* Owned by the caller; NULL: no memory. TLS 1.2 and 1.3, no session kept, no renegotiation. */
SSL_CTX *context_for_guests(void);
SSL_CTX *context_for_origins(void);

#endif
