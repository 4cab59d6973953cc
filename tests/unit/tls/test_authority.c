#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "tests/unit/test.h"
#include "tls/authority.h"

static X509 *read_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return certificate;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return key;
}

TEST(it_signs_servers_for_a_year)
{
	struct authority_pem pem;
	struct err err = ERR_INIT;
	X509 *certificate;
	EVP_PKEY *key;
	int days = 0, seconds = 0;

	CHECK_EQ(authority_make("sbx sandbox a", &pem, &err), 0);
	certificate = read_certificate(pem.certificate);
	key = read_key(pem.key);
	CHECK(certificate != NULL && key != NULL);
	CHECK_EQ(X509_check_private_key(certificate, key), 1);
	CHECK_EQ(X509_check_ca(certificate), 1);
	CHECK_EQ(X509_get_pathlen(certificate), 0);
	CHECK_EQ(X509_verify(certificate, key), 1);
	CHECK_EQ(X509_get_key_usage(certificate), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	CHECK_EQ(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)), 1);
	CHECK(days == 364 || days == 365);
	X509_free(certificate);
	EVP_PKEY_free(key);
	authority_pem_finish(&pem);
	CHECK(pem.key == NULL);
}

/* P23: an authority for each sandbox. */
TEST(no_two_are_alike)
{
	struct authority_pem a, b;
	struct err err = ERR_INIT;

	CHECK_EQ(authority_make("sbx sandbox", &a, &err), 0);
	CHECK_EQ(authority_make("sbx sandbox", &b, &err), 0);
	CHECK(strcmp(a.key, b.key) != 0);
	CHECK(strcmp(a.certificate, b.certificate) != 0);
	authority_pem_finish(&a);
	authority_pem_finish(&b);
}

TEST_MAIN()
