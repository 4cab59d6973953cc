#include "oci/digest.h"

#include <string.h>

static const char prefix[] = "sha256:";

bool oci_digest_is_valid(const char *text)
{
	const char *hex = text + strlen(prefix);

	return strncmp(text, prefix, strlen(prefix)) == 0 && strlen(hex) == OCI_HEX_SIZE - 1 &&
	       strspn(hex, "0123456789abcdef") == OCI_HEX_SIZE - 1;
}

const char *oci_digest_hex(const char *digest)
{
	return digest + strlen(prefix);
}
