#include "tls/authority.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tls/x509.h"

enum { AUTHORITY_DAYS = 365 };

static X509 *make_certificate(const char *subject, EVP_PKEY *key)
{
	X509 *certificate = x509_begin(subject, key, NULL, AUTHORITY_DAYS);

	if (certificate == NULL)
		return NULL;
	/* Path length 0: it signs servers, never another authority. */
	if (x509_extend(certificate, certificate, NID_basic_constraints,
			"critical,CA:TRUE,pathlen:0") == 0 &&
	    x509_extend(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ==
		    0 &&
	    x509_extend(certificate, certificate, NID_subject_key_identifier, "hash") == 0 &&
	    X509_sign(certificate, key, EVP_sha256()) > 0)
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* The content of a memory BIO as a string. */
static char *text_of(BIO *bio)
{
	char *data, *text = NULL;
	long len = BIO_get_mem_data(bio, &data);

	if (len > 0)
		text = strndup(data, (size_t)len);
	return text;
}

static char *certificate_text(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (bio != NULL && PEM_write_bio_X509(bio, certificate) == 1)
		text = text_of(bio);
	BIO_free(bio);
	return text;
}

/* BIO_s_secmem: wiped when freed. */
static char *key_text(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;

	if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		text = text_of(bio);
	BIO_free(bio);
	return text;
}

int authority_make(const char *subject, struct authority_pem *ret, struct err *err)
{
	struct authority_pem pem = { NULL, NULL };
	EVP_PKEY *key = x509_key();
	X509 *certificate = key == NULL ? NULL : make_certificate(subject, key);
	int r = 0;

	if (certificate != NULL) {
		pem.certificate = certificate_text(certificate);
		pem.key = key_text(key);
	}
	if (pem.certificate == NULL || pem.key == NULL) {
		authority_pem_finish(&pem);
		r = x509_failed(err, -ENOMEM, "cannot make a certificate authority");
	} else {
		*ret = pem;
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	return r;
}

void authority_pem_finish(struct authority_pem *pem)
{
	if (pem == NULL)
		return;
	free(pem->certificate);
	if (pem->key != NULL)
		explicit_bzero(pem->key, strlen(pem->key));
	free(pem->key);
	*pem = (struct authority_pem){ NULL, NULL };
}
