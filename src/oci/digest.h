/*
 * Digests: "sha256:" and 64 lower-case hexadecimal digits (OCI image specification,
 * descriptor.md, "Digests"). Other algorithms are refused.
 */
#ifndef OCI_DIGEST_H
#define OCI_DIGEST_H

#include <stdbool.h>

enum {
	OCI_HEX_SIZE = 65,    /* the digits and a NUL */
	OCI_DIGEST_SIZE = 72, /* with "sha256:" */
};

bool oci_digest_is_valid(const char *text);

/* The digits of a valid digest; weak. */
const char *oci_digest_hex(const char *digest);

#endif
