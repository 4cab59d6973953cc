#include "tls/x509.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/err.h"

enum { SERIAL_SIZE = 16, DAY_S = 24 * 60 * 60 };

EVP_PKEY *x509_key(void)
{
	return EVP_EC_gen("P-256");
}

/* RFC 5280 §4.1.2.2: positive, at most 20 bytes, never twice. */
static int set_serial(X509 *certificate)
{
	unsigned char raw[SERIAL_SIZE];
	BIGNUM *number;
	int ok;

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return -ENOMEM;
	raw[0] = (unsigned char)((raw[0] & 0x7f) | 0x40);
	number = BN_bin2bn(raw, sizeof(raw), NULL);
	ok = number != NULL &&
	     BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return ok ? 0 : -ENOMEM;
}

static int set_names(X509 *certificate, const char *subject, X509 *issuer)
{
	X509_NAME *name = X509_NAME_new();
	int ok = name != NULL &&
		 X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					    (const unsigned char *)subject, -1, -1, 0) == 1 &&
		 X509_set_subject_name(certificate, name) == 1 &&
		 X509_set_issuer_name(certificate,
				      issuer == NULL ? name : X509_get_subject_name(issuer)) == 1;

	X509_NAME_free(name);
	return ok ? 0 : -ENOMEM;
}

X509 *x509_begin(const char *subject, EVP_PKEY *key, X509 *issuer, long days)
{
	X509 *certificate = X509_new();

	if (certificate == NULL)
		return NULL;
	if (X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) == 0 &&
	    set_names(certificate, subject, issuer) == 0 &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -(long)DAY_S) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY_S) != NULL &&
	    X509_set_pubkey(certificate, key) == 1)
		return certificate;
	X509_free(certificate);
	return NULL;
}

int x509_extend(X509 *certificate, X509 *issuer, int nid, const char *text)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	int ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, text);
	ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok ? 0 : -ENOMEM;
}

int x509_failed(struct err *err, int code, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(err, code, "%s: %s", what, reason != NULL ? reason : "OpenSSL failed");
}
