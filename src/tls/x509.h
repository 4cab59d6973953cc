/*
 * What the certificates that we make have in common. Within tls/ only.
 */
#ifndef TLS_X509_H
#define TLS_X509_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct err;

/* A new P-256 key; NULL: OpenSSL has no memory or no entropy. */
EVP_PKEY *x509_key(void);

/*
 * A version 3 certificate with a random serial, valid from a day ago for `days`
 * days, for `key`; issuer NULL: itself. Not signed yet. NULL: no memory.
 */
X509 *x509_begin(const char *subject, EVP_PKEY *key, X509 *issuer, long days);

/* Adds an extension by its OpenSSL text; -ENOMEM. The text is ours, never a stranger's. */
int x509_extend(X509 *certificate, X509 *issuer, int nid, const char *text);

/* The last error of OpenSSL, as a sentence that begins with the text; empties its queue. */
int x509_failed(struct err *err, int code, const char *what);

#endif
