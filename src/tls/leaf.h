/*
 * Certificates for the servers that we stand in for, signed by the sandbox's
 * authority: one for each name, all with one key that lives as long as the
 * process. A bounded number is kept; the one unused for longest goes first.
 */
#ifndef TLS_LEAF_H
#define TLS_LEAF_H

#include <openssl/ssl.h>
#include <stddef.h>

struct err;
struct leaves;

/* pem: certificate and key of the authority. -EINVAL and a sentence. */
int leaves_create(const char *pem, size_t max, struct leaves **ret, struct err *err);
void leaves_destroy(struct leaves *leaves);

/*
 * The certificate for a checked host name or an IP address, which becomes its
 * only subject alternative name. Weak: until the next call. NULL: out of memory, or a
 * name longer than a name can be.
 */
X509 *leaves_get(struct leaves *leaves, const char *name);
size_t leaves_count(const struct leaves *leaves);

/* What ends towards the guest are made of; weak. */
SSL_CTX *leaves_context(const struct leaves *leaves);
EVP_PKEY *leaves_key(const struct leaves *leaves);

#endif
