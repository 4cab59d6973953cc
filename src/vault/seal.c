#include "vault/seal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

enum {
	VERSION = 1,
	OFF_VERSION = 8,
	OFF_KEY = 12,
	OFF_PASSES = 16,
	OFF_KIB = 20,
	OFF_SALT = 24,
	OFF_CHECK = 40,
	OFF_NONCE = 56,
	OFF_LENGTH = 80,
	CHECK_SIZE = 16,
	NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	SUBKEY_SEAL = 1,
	SUBKEY_CHECK = 2,
};

_Static_assert(NONCE_SIZE == 24 && crypto_kdf_KEYBYTES == SEAL_KEY_SIZE, "the file's layout");

static const char magic[] = "sbxvault", context[] = "sbxvault";

/* One key for sealing, one to tell a wrong key from a changed file. In locked memory. */
struct subkeys {
	uint8_t seal[SEAL_KEY_SIZE], check[SEAL_KEY_SIZE];
};

static struct subkeys *derive(const uint8_t key[SEAL_KEY_SIZE])
{
	struct subkeys *subkeys = sodium_malloc(sizeof(*subkeys));

	if (subkeys == NULL)
		return NULL;
	(void)crypto_kdf_derive_from_key(subkeys->seal, SEAL_KEY_SIZE, SUBKEY_SEAL, context, key);
	(void)crypto_kdf_derive_from_key(subkeys->check, SEAL_KEY_SIZE, SUBKEY_CHECK, context, key);
	return subkeys;
}

static void make_check(const struct subkeys *subkeys, const uint8_t *header,
		       uint8_t ret[CHECK_SIZE])
{
	(void)crypto_generichash(ret, CHECK_SIZE, header, OFF_CHECK, subkeys->check, SEAL_KEY_SIZE);
}

static bool is_bounded(const struct seal_header *header)
{
	switch (header->key) {
	case VAULT_KEY_FILE:
	case VAULT_KEY_KEYRING:
		return header->passes == 0 && header->kib == 0;
	case VAULT_KEY_PASSPHRASE:
		return header->passes >= 1 && header->passes <= SEAL_PASSES_MAX &&
		       header->kib >= SEAL_KIB_MIN && header->kib <= SEAL_KIB_MAX;
	}
	return false;
}

int seal_parse(const uint8_t *bytes, size_t len, struct seal_header *ret)
{
	struct seal_header header;

	if (len < SEAL_HEADER_SIZE + TAG_SIZE || len > SEAL_FILE_MAX ||
	    memcmp(bytes, magic, sizeof(magic) - 1) != 0 ||
	    le32_load(bytes + OFF_VERSION) != VERSION ||
	    le32_load(bytes + OFF_LENGTH) != len - SEAL_HEADER_SIZE)
		return -EBADMSG;
	header = (struct seal_header){
		.key = le32_load(bytes + OFF_KEY),
		.passes = le32_load(bytes + OFF_PASSES),
		.kib = le32_load(bytes + OFF_KIB),
	};
	memcpy(header.salt, bytes + OFF_SALT, SEAL_SALT_SIZE);
	if (!is_bounded(&header))
		return -EBADMSG;
	*ret = header;
	return 0;
}

static int decrypt(const struct subkeys *subkeys, const uint8_t *bytes, size_t len, uint8_t **ret,
		   size_t *ret_len)
{
	uint8_t check[CHECK_SIZE], *content;
	size_t content_len = len - SEAL_HEADER_SIZE - TAG_SIZE;

	make_check(subkeys, bytes, check);
	if (sodium_memcmp(check, bytes + OFF_CHECK, CHECK_SIZE) != 0)
		return -EKEYREJECTED;
	content = sodium_malloc(content_len);
	if (content == NULL)
		return -ENOMEM;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    content, NULL, NULL, bytes + SEAL_HEADER_SIZE, len - SEAL_HEADER_SIZE, bytes,
		    SEAL_HEADER_SIZE, bytes + OFF_NONCE, subkeys->seal) != 0) {
		sodium_free(content);
		return -EBADMSG;
	}
	*ret = content;
	*ret_len = content_len;
	return 0;
}

int seal_open(const uint8_t *bytes, size_t len, const uint8_t key[SEAL_KEY_SIZE], uint8_t **ret,
	      size_t *ret_len)
{
	struct seal_header header;
	struct subkeys *subkeys;
	int r = seal_parse(bytes, len, &header);

	if (r < 0)
		return r;
	subkeys = derive(key);
	r = subkeys != NULL ? decrypt(subkeys, bytes, len, ret, ret_len) : -ENOMEM;
	sodium_free(subkeys);
	return r;
}

static void put_header(const struct seal_header *header, const struct subkeys *subkeys, size_t len,
		       uint8_t *to)
{
	memcpy(to, magic, sizeof(magic) - 1);
	le32_store(to + OFF_VERSION, VERSION);
	le32_store(to + OFF_KEY, header->key);
	le32_store(to + OFF_PASSES, header->passes);
	le32_store(to + OFF_KIB, header->kib);
	memcpy(to + OFF_SALT, header->salt, SEAL_SALT_SIZE);
	make_check(subkeys, to, to + OFF_CHECK);
	randombytes_buf(to + OFF_NONCE, NONCE_SIZE);
	le32_store(to + OFF_LENGTH, (uint32_t)(len + TAG_SIZE));
}

int seal_make(const struct seal_header *header, const uint8_t key[SEAL_KEY_SIZE],
	      const uint8_t *content, size_t len, struct buf *file)
{
	size_t total = SEAL_HEADER_SIZE + len + TAG_SIZE;
	struct subkeys *subkeys;
	uint8_t *to;

	if (len > SEAL_FILE_MAX - SEAL_HEADER_SIZE - TAG_SIZE)
		return -EFBIG;
	subkeys = derive(key);
	to = subkeys != NULL ? buf_reserve(file, total) : NULL;
	if (to != NULL) {
		put_header(header, subkeys, len, to);
		(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
			to + SEAL_HEADER_SIZE, NULL, content, len, to, SEAL_HEADER_SIZE, NULL,
			to + OFF_NONCE, subkeys->seal);
		file->len += total;
	}
	sodium_free(subkeys);
	return to != NULL ? 0 : -ENOMEM;
}
