/* Lines of an audit file: a chain only ever goes on by a line whose hash is right. */
#include <assert.h>
#include <string.h>

#include "audit/chain.h"
#include "base/err.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct chain chain, other;

	chain_init(&chain);
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t len = end == NULL ? size : (size_t)(end - text);
		struct err err = ERR_INIT;
		uint64_t next = chain.next;

		chain_init(&other);
		if (chain_check(&chain, text, len, &err) < 0) {
			assert(err.text[0] != '\0' && chain.next == next);
			(void)chain_resume(&other, text, len);
		} else {
			assert(chain.next == next + 1);
			assert(chain_resume(&other, text, len) == 0);
			assert(strcmp(other.prev, chain.prev) == 0);
		}
		len += end != NULL;
		text += len;
		size -= len;
	}
	return 0;
}
