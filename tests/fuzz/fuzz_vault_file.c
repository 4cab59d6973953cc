/*
 * A vault file, and what is inside one. First byte even: the bytes are the
 * file; odd: they are the content, which decodes as it was encoded.
 */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/fuzz/fuzz.h"
#include "vault/entries.h"
#include "vault/seal.h"

static const uint8_t key[SEAL_KEY_SIZE] = { 1, 2, 3 };

static void try_file(const uint8_t *data, size_t size)
{
	struct seal_header header;
	uint8_t *content = NULL;
	size_t len = 0;

	if (seal_parse(data, size, &header) < 0) {
		assert(seal_open(data, size, key, &content, &len) < 0);
		return;
	}
	assert(header.kib <= SEAL_KIB_MAX && header.passes <= SEAL_PASSES_MAX);
	if (seal_open(data, size, key, &content, &len) == 0)
		sodium_free(content);
}

/* What was sealed opens, and any change of it does not. */
static void try_sealed(const uint8_t *content, size_t len)
{
	struct seal_header header = { .key = VAULT_KEY_FILE };
	uint8_t *opened = NULL;
	size_t opened_len = 0;
	struct buf file;

	buf_init(&file, SEAL_FILE_MAX);
	assert(seal_make(&header, key, content, len, &file) == 0);
	assert(seal_open(file.data, file.len, key, &opened, &opened_len) == 0);
	assert(opened_len == len && memcmp(opened, content, len) == 0);
	sodium_free(opened);
	file.data[len % file.len] ^= 1;
	assert(seal_open(file.data, file.len, key, &opened, &opened_len) < 0);
	buf_finish(&file);
}

static void try_content(const uint8_t *data, size_t size)
{
	struct entries entries;
	uint8_t *again = NULL;
	size_t len = 0;

	if (entries_decode(data, size, &entries) < 0)
		return;
	assert(entries_encode(&entries, &again, &len) == 0);
	assert(len == size && memcmp(again, data, size) == 0);
	try_sealed(again, len);
	sodium_free(again);
	entries_finish(&entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (sodium_init() < 0 || size == 0)
		return 0;
	if (data[0] % 2 == 0)
		try_file(data + 1, size - 1);
	else
		try_content(data + 1, size - 1);
	return 0;
}
