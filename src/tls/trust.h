/*
 * Which certificates origins are believed by: the host's authorities and what
 * the user added. Replaced as a whole; ends made of it keep what they began with.
 */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include <openssl/ssl.h>
#include <stddef.h>

struct err;
struct trust;

int trust_create(struct trust **ret);
void trust_destroy(struct trust *trust);

/* Adds every certificate of a PEM text; -EINVAL and a sentence: one is damaged, or there is none.
 */
int trust_add(struct trust *trust, const char *pem, struct err *err);
size_t trust_count(const struct trust *trust);

/* What ends towards origins are made of; weak. */
SSL_CTX *trust_context(const struct trust *trust);

#endif
