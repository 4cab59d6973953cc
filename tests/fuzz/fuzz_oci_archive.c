/* manifest.json of a docker archive, and names of images: refused with a sentence, or right. */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "oci/archive.h"
#include "oci/reference.h"
#include "tests/fuzz/fuzz.h"

/* What is written out in full means the same again. */
static void check_name(const char *name)
{
	struct oci_reference once, twice;
	char text[OCI_REFERENCE_TEXT], again[OCI_REFERENCE_TEXT];
	struct err err = ERR_INIT;

	if (oci_reference_parse(name, &once, &err) < 0) {
		assert(err.text[0] != '\0');
		return;
	}
	oci_reference_format(&once, text);
	if (oci_reference_parse(text, &twice, &err) < 0)
		return; /* it became longer than names may be */
	oci_reference_format(&twice, again);
	assert(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_archive archive;
	struct err err = ERR_INIT;

	if (oci_archive_parse((const char *)data, size, &archive, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	assert(archive.config != NULL && archive.count > 0);
	if (archive.name != NULL)
		check_name(archive.name);
	oci_archive_finish(&archive);
	return 0;
}
