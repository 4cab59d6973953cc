/*
 * The certificate authority of one sandbox: made when the sandbox is, trusted
 * by that guest only, its key on the host only. ECDSA P-256, one year.
 */
#ifndef TLS_AUTHORITY_H
#define TLS_AUTHORITY_H

struct err;

/* PEM texts; owned, the key is wiped by finish. */
struct authority_pem {
	char *certificate;
	char *key; /* PKCS#8, not encrypted */
};

/* subject: the common name, for people who look at the guest's trust store; at most 64 bytes. */
int authority_make(const char *subject, struct authority_pem *ret, struct err *err);
void authority_pem_finish(struct authority_pem *pem);

#endif
