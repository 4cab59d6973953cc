#include "tls/trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "tls/context.h"
#include "tls/x509.h"

struct trust {
	SSL_CTX *context; /* owned */
	size_t count;
};

int trust_create(struct trust **ret)
{
	struct trust *trust = calloc(1, sizeof(*trust));

	if (trust == NULL)
		return -ENOMEM;
	trust->context = context_for_origins();
	if (trust->context == NULL) {
		free(trust);
		return -ENOMEM;
	}
	*ret = trust;
	return 0;
}

void trust_destroy(struct trust *trust)
{
	if (trust == NULL)
		return;
	SSL_CTX_free(trust->context);
	free(trust);
}

/* Whether reading stopped at the end of the text, not at a damaged piece. */
static bool is_end(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

int trust_add(struct trust *trust, const char *pem, struct err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(trust->context);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	size_t count = 0;
	X509 *certificate;
	int r = 0;

	if (bio == NULL)
		return err_set(err, -ENOMEM, "no memory for certificates");
	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (X509_STORE_add_cert(store, certificate) == 1)
			count++;
		X509_free(certificate);
	}
	if (count == 0 || !is_end())
		r = x509_failed(err, -EINVAL, "a list of trusted certificates is damaged");
	ERR_clear_error();
	BIO_free(bio);
	trust->count += count;
	return r;
}

size_t trust_count(const struct trust *trust)
{
	return trust->count;
}

SSL_CTX *trust_context(const struct trust *trust)
{
	return trust->context;
}
