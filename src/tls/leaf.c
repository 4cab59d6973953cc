#include "tls/leaf.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "tls/client_hello.h"
#include "tls/context.h"
#include "tls/x509.h"

enum { LEAF_DAYS = 30, COMMON_NAME_MAX = 64, BUCKETS = 256 };

struct leaf {
	struct list node;   /* all, the least recently used first */
	struct leaf *chain; /* of its bucket */
	X509 *certificate;  /* owned */
	char name[CLIENT_HELLO_NAME_MAX + 1];
};

struct leaves {
	X509 *authority;	 /* owned */
	EVP_PKEY *authority_key; /* owned */
	EVP_PKEY *key;		 /* owned; of every leaf */
	SSL_CTX *context;	 /* owned */
	struct list used;
	struct leaf *buckets[BUCKETS];
	size_t count, max;
};

static int read_authority(struct leaves *leaves, const char *pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);

	if (bio != NULL) {
		leaves->authority = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		(void)BIO_reset(bio);
		leaves->authority_key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	}
	BIO_free(bio);
	if (leaves->authority == NULL || leaves->authority_key == NULL ||
	    X509_check_private_key(leaves->authority, leaves->authority_key) != 1)
		return x509_failed(err, -EINVAL,
				   "the sandbox's authority is no certificate with its key");
	return 0;
}

int leaves_create(const char *pem, size_t max, struct leaves **ret, struct err *err)
{
	struct leaves *leaves = calloc(1, sizeof(*leaves));
	int r;

	if (leaves == NULL)
		return err_set(err, -ENOMEM, "no memory for certificates");
	list_init(&leaves->used);
	leaves->max = max;
	r = read_authority(leaves, pem, err);
	if (r == 0) {
		leaves->key = x509_key();
		leaves->context = context_for_guests();
		if (leaves->key == NULL || leaves->context == NULL)
			r = x509_failed(err, -ENOMEM, "cannot prepare TLS towards the guest");
	}
	if (r < 0) {
		leaves_destroy(leaves);
		return r;
	}
	*ret = leaves;
	return 0;
}

static struct leaf **bucket_of(struct leaves *leaves, const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a: names are bounded in number, so order is enough */

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return &leaves->buckets[hash % BUCKETS];
}

static void drop(struct leaves *leaves, struct leaf *leaf)
{
	struct leaf **place = bucket_of(leaves, leaf->name);

	while (*place != leaf)
		place = &(*place)->chain;
	*place = leaf->chain;
	list_remove(&leaf->node);
	leaves->count--;
	X509_free(leaf->certificate);
	free(leaf);
}

void leaves_destroy(struct leaves *leaves)
{
	if (leaves == NULL)
		return;
	list_for_each (node, next, &leaves->used)
		drop(leaves, container_of(node, struct leaf, node));
	SSL_CTX_free(leaves->context);
	X509_free(leaves->authority);
	EVP_PKEY_free(leaves->authority_key);
	EVP_PKEY_free(leaves->key);
	free(leaves);
}

/* By value, never by OpenSSL's configuration text: "a,DNS:b" stays one name. */
static int add_name(X509 *certificate, const char *name)
{
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *entry = GENERAL_NAME_new();
	ASN1_IA5STRING *text = address == NULL ? ASN1_IA5STRING_new() : NULL;
	int ok = 0;

	if (names != NULL && entry != NULL && sk_GENERAL_NAME_push(names, entry) > 0) {
		GENERAL_NAME *owned = entry;

		entry = NULL;
		if (address != NULL) {
			GENERAL_NAME_set0_value(owned, GEN_IPADD, address);
			address = NULL;
			ok = 1;
		} else if (text != NULL && ASN1_STRING_set(text, name, -1) == 1) {
			GENERAL_NAME_set0_value(owned, GEN_DNS, text);
			text = NULL;
			ok = 1;
		}
		ok = ok && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
	}
	ASN1_OCTET_STRING_free(address);
	ASN1_IA5STRING_free(text);
	GENERAL_NAME_free(entry);
	GENERAL_NAMES_free(names);
	return ok ? 0 : -ENOMEM;
}

static X509 *mint(struct leaves *leaves, const char *name)
{
	/* A common name is short and for people only; clients look at the other. */
	const char *subject = strlen(name) <= COMMON_NAME_MAX ? name : "sandbox";
	X509 *certificate = x509_begin(subject, leaves->key, leaves->authority, LEAF_DAYS);

	if (certificate == NULL)
		return NULL;
	if (add_name(certificate, name) == 0 &&
	    x509_extend(certificate, leaves->authority, NID_basic_constraints,
			"critical,CA:FALSE") == 0 &&
	    x509_extend(certificate, leaves->authority, NID_key_usage,
			"critical,digitalSignature") == 0 &&
	    x509_extend(certificate, leaves->authority, NID_ext_key_usage, "serverAuth") == 0 &&
	    x509_extend(certificate, leaves->authority, NID_authority_key_identifier, "keyid") ==
		    0 &&
	    X509_sign(certificate, leaves->authority_key, EVP_sha256()) > 0)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static struct leaf *add(struct leaves *leaves, const char *name)
{
	struct leaf **bucket = bucket_of(leaves, name);
	struct leaf *leaf = calloc(1, sizeof(*leaf));

	if (leaf == NULL)
		return NULL;
	leaf->certificate = mint(leaves, name);
	if (leaf->certificate == NULL) {
		free(leaf);
		return NULL;
	}
	memcpy(leaf->name, name, strlen(name) + 1);
	leaf->chain = *bucket;
	*bucket = leaf;
	leaves->count++;
	list_append(&leaves->used, &leaf->node);
	return leaf;
}

X509 *leaves_get(struct leaves *leaves, const char *name)
{
	struct leaf *leaf = *bucket_of(leaves, name);

	if (strlen(name) > CLIENT_HELLO_NAME_MAX)
		return NULL;
	while (leaf != NULL && strcmp(leaf->name, name) != 0)
		leaf = leaf->chain;
	if (leaf == NULL) {
		if (leaves->count >= leaves->max)
			drop(leaves, container_of(leaves->used.next, struct leaf, node));
		leaf = add(leaves, name);
	} else {
		list_remove(&leaf->node);
		list_append(&leaves->used, &leaf->node);
	}
	return leaf == NULL ? NULL : leaf->certificate;
}

size_t leaves_count(const struct leaves *leaves)
{
	return leaves->count;
}

SSL_CTX *leaves_context(const struct leaves *leaves)
{
	return leaves->context;
}

EVP_PKEY *leaves_key(const struct leaves *leaves)
{
	return leaves->key;
}
