#include "kit/signature.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "kit/digest.h"
#include "tar/entry.h"

#define PURPOSE "sbx kit signature, version 1\n"
#define SECRET_WORD "sbx-kit-secret-key "
#define PUBLIC_WORD "sbx-kit-public-key "

_Static_assert(SIGNATURE_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(SIGNATURE_SECRET_SIZE == crypto_sign_SECRETKEYBYTES, "Ed25519");

enum { BASE64 = sodium_base64_VARIANT_ORIGINAL, SIGNATURE_TEXT_MAX = 96 };

void signature_secret_finish(struct signature_secret_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

/* "WORD BASE64\n" */
static void write_key(const char *word, const uint8_t *bytes, size_t len,
		      char ret[SIGNATURE_KEY_FILE_MAX])
{
	size_t start = strlen(word);

	memcpy(ret, word, start);
	(void)sodium_bin2base64(ret + start, SIGNATURE_KEY_FILE_MAX - start - 1, bytes, len,
				BASE64);
	start = strlen(ret);
	ret[start] = '\n';
	ret[start + 1] = '\0';
}

int signature_make_keys(char secret[SIGNATURE_KEY_FILE_MAX], char public[SIGNATURE_KEY_FILE_MAX])
{
	autocall(signature_secret_finish) struct signature_secret_key key = { .bytes = { 0 } };
	struct signature_public_key other;

	if (sodium_init() < 0 || crypto_sign_keypair(other.bytes, key.bytes) < 0)
		return -ENOMEM;
	write_key(SECRET_WORD, key.bytes, sizeof(key.bytes), secret);
	write_key(PUBLIC_WORD, other.bytes, sizeof(other.bytes), public);
	return 0;
}

static int read_key(const char *name, const char *text, const char *word, uint8_t *ret, size_t size,
		    struct err *err)
{
	size_t start = strlen(word), len = 0;

	if (strncmp(text, word, start) == 0 &&
	    sodium_base642bin(ret, size, text + start, strlen(text + start), " \r\n", &len, NULL,
			      BASE64) == 0 &&
	    len == size)
		return 0;
	return err_set(err, -EINVAL, "'%s' is no key file that begins with '%.*s'", name,
		       (int)start - 1, word);
}

int signature_read_secret(const char *name, const char *text, struct signature_secret_key *ret,
			  struct err *err)
{
	return read_key(name, text, SECRET_WORD, ret->bytes, sizeof(ret->bytes), err);
}

int signature_read_public(const char *name, const char *text, struct signature_public_key *ret,
			  struct err *err)
{
	return read_key(name, text, PUBLIC_WORD, ret->bytes, sizeof(ret->bytes), err);
}

void signature_key_id(const struct signature_public_key *key, char ret[SIGNATURE_ID_SIZE])
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(key->bytes, sizeof(key->bytes), hex);
	memcpy(ret, hex, SIGNATURE_ID_SIZE - 1);
	ret[SIGNATURE_ID_SIZE - 1] = '\0';
}

/* What is signed. */
static int message_of(const struct kit_bundle *bundle, struct buf *ret)
{
	char digest[BUNDLE_DIGEST_SIZE];
	int r = buf_append(ret, PURPOSE, strlen(PURPOSE));

	return r == 0 ? kit_bundle_digest(bundle, digest, ret) : r;
}

static void init_message(struct buf *message)
{
	buf_init(message, (BUNDLE_FILES_MAX + 2UL) * (TAR_NAME_MAX + DIGEST_TEXT_SIZE + 8UL));
}

int signature_sign(struct kit_bundle *bundle, const struct signature_secret_key *key)
{
	autocall(buf_finish) struct buf message;
	struct signature_public_key public;
	uint8_t signature[crypto_sign_BYTES];
	char public_text[SIGNATURE_TEXT_MAX], text[SIGNATURE_TEXT_MAX];
	int r;

	init_message(&message);
	r = message_of(bundle, &message);
	if (r < 0)
		return r;
	(void)crypto_sign_ed25519_sk_to_pk(public.bytes, key->bytes);
	(void)crypto_sign_detached(signature, NULL, message.data, message.len, key->bytes);
	(void)sodium_bin2base64(public_text, sizeof(public_text), public.bytes,
				sizeof(public.bytes), BASE64);
	(void)sodium_bin2base64(text, sizeof(text), signature, sizeof(signature), BASE64);
	buf_clear(&bundle->signature);
	return buf_printf(&bundle->signature,
			  "{\"version\":1,\"algorithm\":\"ed25519\",\"key\":\"%s\","
			  "\"signature\":\"%s\"}\n",
			  public_text, text);
}

static bool decode(const json_t *object, const char *member, uint8_t *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(object, member));
	size_t len = 0;

	return text != NULL &&
	       sodium_base642bin(ret, size, text, strlen(text), NULL, &len, NULL, BASE64) == 0 &&
	       len == size;
}

static int parse(const struct kit_bundle *bundle, struct signature_public_key *key,
		 uint8_t signature[crypto_sign_BYTES], struct err *err)
{
	json_t *object = json_loadb((const char *)bundle->signature.data, bundle->signature.len,
				    JSON_REJECT_DUPLICATES, NULL);
	const char *algorithm = json_string_value(json_object_get(object, "algorithm"));
	bool is_one = algorithm != NULL && strcmp(algorithm, "ed25519") == 0 &&
		      json_integer_value(json_object_get(object, "version")) == 1 &&
		      decode(object, "key", key->bytes, sizeof(key->bytes)) &&
		      decode(object, "signature", signature, crypto_sign_BYTES);

	json_decref(object);
	return is_one ? 0
		      : err_set(err, -EBADMSG, "the signature of '%s' is none of this program",
				bundle->name);
}

int signature_verify(const struct kit_bundle *bundle, const struct signature_public_key *keys,
		     size_t count, struct err *err)
{
	autocall(buf_finish) struct buf message;
	uint8_t signature[crypto_sign_BYTES];
	struct signature_public_key key;
	char id[SIGNATURE_ID_SIZE];
	size_t at = 0;
	int r;

	init_message(&message);
	if (bundle->signature.len == 0)
		return err_set(err, -ENOKEY, "the kit '%s' is not signed", bundle->name);
	r = parse(bundle, &key, signature, err);
	if (r < 0)
		return r;
	while (at < count && sodium_memcmp(keys[at].bytes, key.bytes, sizeof(key.bytes)) != 0)
		at++;
	signature_key_id(&key, id);
	if (at == count)
		return err_set(err, -ENOKEY,
			       "the kit '%s' is signed by the key %s, which is not trusted",
			       bundle->name, id);
	if (message_of(bundle, &message) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (crypto_sign_verify_detached(signature, message.data, message.len, key.bytes) != 0)
		return err_set(err, -EBADMSG, "the kit '%s' is not what the key %s has signed",
			       bundle->name, id);
	return 0;
}
