/* An image index: refused with a sentence, or one image with a digest. */
#include <assert.h>

#include "base/err.h"
#include "oci/index.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct oci_choice choice;

	if (oci_index_choose((const char *)data, size, &choice, &err) < 0)
		assert(err.text[0] != '\0');
	else
		assert(oci_digest_is_valid(choice.descriptor.digest));
	return 0;
}
