/* An image manifest: refused with a sentence, or layers with digests. */
#include <assert.h>

#include "base/err.h"
#include "oci/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct oci_manifest manifest;
	struct err err = ERR_INIT;

	if (oci_manifest_parse((const char *)data, size, &manifest, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	assert(manifest.count > 0 && oci_digest_is_valid(manifest.config.digest));
	for (size_t i = 0; i < manifest.count; i++)
		assert(oci_digest_is_valid(manifest.layers[i].descriptor.digest));
	return 0;
}
