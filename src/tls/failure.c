#include "tls/failure.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { SENTENCE_MAX = 512, TIME_MAX = 64, NAMES_SHOWN = 3 };

static void put_time(struct buf *to, const ASN1_TIME *time)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char text[TIME_MAX];

	if (bio != NULL && ASN1_TIME_print(bio, time) == 1) {
		int len = BIO_read(bio, text, sizeof(text));

		if (len > 0)
			(void)buf_printf(to, "%.*s", len, text);
	}
	BIO_free(bio);
}

/* A name from a certificate, shown only as far as it is a name. */
static void put_name(struct buf *to, const ASN1_STRING *name)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(name);
	int len = ASN1_STRING_length(name);

	for (int i = 0; i < len && i < 100; i++)
		(void)buf_printf(to, "%c", bytes[i] > ' ' && bytes[i] < 0x7f ? bytes[i] : '?');
}

static void put_names(struct buf *to, X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int shown = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown < NAMES_SHOWN; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		(void)buf_printf(to, shown++ > 0 ? ", " : "");
		put_name(to, name->d.dNSName);
	}
	if (shown == 0)
		(void)buf_printf(to, "no name");
	GENERAL_NAMES_free(names);
}

static void tell_certificate(struct buf *to, X509 *at_fault, const char *name, int why)
{
	switch (why) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		(void)buf_printf(to, "a certificate of %s has expired at ", name);
		put_time(to, X509_get0_notAfter(at_fault));
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		(void)buf_printf(to, "the certificate of %s is not valid yet", name);
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		(void)buf_printf(to, "the certificate shown for %s is for ", name);
		put_names(to, at_fault);
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		(void)buf_printf(to,
				 "the certificate of %s is self-signed; --extra-ca trusts one more "
				 "authority",
				 name);
		return;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		(void)buf_printf(
			to,
			"the certificate of %s comes from an authority that this host does "
			"not trust; --extra-ca trusts one more",
			name);
		return;
	default: /* the many others in OpenSSL's words */
		(void)buf_printf(to, "the certificate of %s cannot be verified: %s", name,
				 X509_verify_cert_error_string(why));
		return;
	}
}

/* The guest does not believe our certificate: it has a trust store of its own, or pins. */
static bool is_distrust(int reason)
{
	return reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
	       reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
	       reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
	       reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE;
}

static bool is_version(int reason)
{
	return reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW ||
	       reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION;
}

static void tell_guest(struct buf *to, const char *name, int reason, const char *words)
{
	if (is_distrust(reason))
		(void)buf_printf(
			to,
			"the client in the sandbox does not trust the sandbox's authority for "
			"%s: it pins certificates or has a trust store of its own",
			name);
	else if (is_version(reason))
		(void)buf_printf(to, "the client in the sandbox speaks no TLS from 1.2 on");
	else
		(void)buf_printf(to, "TLS with the client in the sandbox for %s failed: %s", name,
				 words);
}

static void tell_origin(struct buf *to, const char *name, bool asked, int reason, const char *words)
{
	if (asked)
		(void)buf_printf(
			to,
			"%s asks for a client certificate, which cannot pass where requests "
			"are looked into",
			name);
	else if (is_version(reason))
		(void)buf_printf(to, "%s speaks no TLS from 1.2 on", name);
	else
		(void)buf_printf(to, "TLS with %s failed: %s", name, words);
}

/* A copy of the text; the buffer is finished. */
static char *take_text(struct buf *text)
{
	const char *string = buf_str(text);
	char *copy = string == NULL ? NULL : strdup(string);

	buf_finish(text);
	return copy;
}

char *failure_of_certificate(X509_STORE_CTX *store, const char *name)
{
	struct buf text;

	buf_init(&text, SENTENCE_MAX);
	tell_certificate(&text, X509_STORE_CTX_get_current_cert(store), name,
			 X509_STORE_CTX_get_error(store));
	return take_text(&text);
}

char *failure_of_stapling(bool is_revoked, const char *name)
{
	struct buf text;

	buf_init(&text, SENTENCE_MAX);
	(void)buf_printf(&text,
			 is_revoked
				 ? "the certificate of %s is revoked"
				 : "the certificate of %s promises a proof that it is not revoked "
				   "(must-staple), and none came that is good",
			 name);
	return take_text(&text);
}

char *failure_sentence(const SSL *ssl, const char *name, bool asked_certificate)
{
	unsigned long code = ERR_peek_last_error();
	int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
	const char *words = ERR_reason_error_string(code);
	struct buf text;

	buf_init(&text, SENTENCE_MAX);
	if (code == 0 || words == NULL)
		words = "the connection was closed";
	if (SSL_is_server(ssl))
		tell_guest(&text, name, reason, words);
	else
		tell_origin(&text, name, asked_certificate, reason, words);
	return take_text(&text);
}
