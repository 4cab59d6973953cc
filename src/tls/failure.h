/*
 * Why a TLS connection failed, in a sentence for the person who waits. Within tls/ only.
 */
#ifndef TLS_FAILURE_H
#define TLS_FAILURE_H

#include <openssl/ssl.h>
#include <stdbool.h>

/*
 * Sentences are owned by the caller; NULL only when there is no memory.
 * failure_of_certificate() is for the verify callback, where the certificate at
 * fault is known; failure_sentence() reads OpenSSL's queue of errors.
 */
char *failure_of_certificate(X509_STORE_CTX *store, const char *name);
/* It is revoked, or a proof that it is not was promised and did not come. */
char *failure_of_stapling(bool is_revoked, const char *name);
char *failure_sentence(const SSL *ssl, const char *name, bool asked_certificate);

#endif
