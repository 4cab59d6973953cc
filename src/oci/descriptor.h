/*
 * What an index or a manifest says of a blob (OCI image specification,
 * descriptor.md).
 */
#ifndef OCI_DESCRIPTOR_H
#define OCI_DESCRIPTOR_H

#include <stdint.h>

#include "oci/digest.h"

struct oci_descriptor {
	char digest[OCI_DIGEST_SIZE];
	uint64_t size_bytes;
};

#endif
