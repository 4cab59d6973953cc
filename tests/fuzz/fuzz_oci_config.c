/* An image's configuration: refused with a sentence, or an object of the members we know. */
#include <assert.h>

#include "base/err.h"
#include "oci/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct oci_config config;
	struct err err = ERR_INIT;

	if (oci_config_parse((const char *)data, size, &config, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	assert(json_object_size(config.config) <= 5);
	for (size_t i = 0; i < config.count; i++)
		assert(oci_digest_is_valid(config.diff_ids[i]));
	oci_config_finish(&config);
	return 0;
}
