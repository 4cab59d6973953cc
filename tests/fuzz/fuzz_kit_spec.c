/* A kit's spec.yaml: refused with a sentence, or an object with a name. */
#include <assert.h>

#include "base/err.h"
#include "kit/kit.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct kit_values none = { .count = 0 };
	struct err err = ERR_INIT;
	const struct kit_text text = { .name = "spec.yaml", .bytes = data, .len = size };
	struct kit kit;

	if (kit_parse(&text, &none, &kit, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	assert(kit_name(&kit) != NULL);
	kit_finish(&kit);
	return 0;
}
