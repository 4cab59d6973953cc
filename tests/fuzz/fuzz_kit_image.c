/* A kit's manifest, a line "%", and its layer: taken, or refused with a sentence. */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "kit/bundle.h"
#include "kit/image.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memmem(data, size, "\n%\n", 3) : NULL;
	size_t length = end != NULL ? (size_t)(end - data) : size;
	char digest[DIGEST_TEXT_SIZE];
	struct kit_image_parts parts;
	struct kit_bundle bundle;
	struct err err = ERR_INIT;
	int r;

	r = kit_bundle_init(&bundle, "k");
	assert(r == 0);
	r = kit_image_read(data, length, &bundle, &parts, &err);
	if (r == 0 && end != NULL) {
		digest_text(end + 3, size - length - 3, digest);
		r = kit_image_add_layer(end + 3, size - length - 3, digest, &bundle, &err);
	}
	assert((r < 0) == (err.text[0] != '\0'));
	for (size_t i = 1; i < bundle.count; i++)
		assert(strcmp(bundle.files[i - 1].path, bundle.files[i].path) < 0);
	kit_bundle_finish(&bundle);
	return 0;
}
