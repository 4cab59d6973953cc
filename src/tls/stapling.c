#include "tls/stapling.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

enum {
	FEATURE_STATUS_REQUEST = 5, /* RFC 7633 §6: the extension's number */
	CLOCK_SLACK_S = 300,
};

void stapling_ask(SSL_CTX *context, int (*judged)(SSL *ssl, void *context))
{
	(void)SSL_CTX_set_tlsext_status_type(context, TLSEXT_STATUSTYPE_ocsp);
	(void)SSL_CTX_set_tlsext_status_cb(context, judged);
}

static bool is_promised(const X509 *certificate)
{
	TLS_FEATURE *features = X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
		found |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
			 FEATURE_STATUS_REQUEST;
	TLS_FEATURE_free(features);
	return found;
}

/* The response's word about that certificate, where it is in time. */
static enum stapling find_status(OCSP_BASICRESP *response, X509 *leaf, X509 *issuer)
{
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, leaf, issuer);
	ASN1_GENERALIZEDTIME *this_update, *next_update;
	int status = V_OCSP_CERTSTATUS_UNKNOWN;
	bool found = id != NULL && OCSP_resp_find_status(response, id, &status, NULL, NULL,
							 &this_update, &next_update) == 1;

	OCSP_CERTID_free(id);
	if (!found || OCSP_check_validity(this_update, next_update, CLOCK_SLACK_S, -1) != 1)
		return STAPLING_ABSENT;
	return status == V_OCSP_CERTSTATUS_REVOKED ? STAPLING_REVOKED
	       : status == V_OCSP_CERTSTATUS_GOOD  ? STAPLING_GOOD
						   : STAPLING_ABSENT;
}

/* Signed by the issuer, or by whom it named for that (RFC 6960 §4.2.2.2). */
static enum stapling read_response(SSL *ssl, STACK_OF(X509) * chain)
{
	const unsigned char *bytes;
	long len = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
	OCSP_RESPONSE *outer = len > 0 ? d2i_OCSP_RESPONSE(NULL, &bytes, len) : NULL;
	OCSP_BASICRESP *response = outer != NULL ? OCSP_response_get1_basic(outer) : NULL;
	X509_STORE *trust = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
	enum stapling result = STAPLING_ABSENT;

	if (response != NULL && OCSP_basic_verify(response, chain, trust, 0) == 1)
		result = find_status(response, sk_X509_value(chain, 0), sk_X509_value(chain, 1));
	OCSP_BASICRESP_free(response);
	OCSP_RESPONSE_free(outer);
	ERR_clear_error();
	return result;
}

enum stapling stapling_of(SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	enum stapling result = STAPLING_ABSENT;

	if (sk_X509_num(chain) >= 2)
		result = read_response(ssl, chain);
	if (result == STAPLING_ABSENT && sk_X509_num(chain) >= 1 &&
	    is_promised(sk_X509_value(chain, 0)))
		result = STAPLING_MISSING;
	return result;
}
