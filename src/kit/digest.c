#include "kit/digest.h"

#include <sodium.h>
#include <stdio.h>

void digest_hex(const void *bytes, size_t len, char ret[DIGEST_HEX_SIZE])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256(hash, bytes, len);
	(void)sodium_bin2hex(ret, DIGEST_HEX_SIZE, hash, sizeof(hash));
}

void digest_text(const void *bytes, size_t len, char ret[DIGEST_TEXT_SIZE])
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(bytes, len, hex);
	(void)snprintf(ret, DIGEST_TEXT_SIZE, "sha256:%s", hex);
}
