/*
 * The name of an image: [DOMAIN/]PATH[:TAG][@DIGEST], in the grammar that
 * registries share (OCI distribution specification, "Pulling manifests").
 *
 * Written out in full it has a domain and a tag: "tiny" is
 * "docker.io/library/tiny:latest", "localhost:5000/a/b:1" is itself.
 */
#ifndef OCI_REFERENCE_H
#define OCI_REFERENCE_H

#include <stdbool.h>

#include "oci/digest.h"

struct err;

enum { OCI_REFERENCE_MAX = 255, OCI_PATH_SIZE = 264, OCI_TAG_MAX = 128 };

struct oci_reference {
	char domain[OCI_REFERENCE_MAX + 1];
	char path[OCI_PATH_SIZE];
	char tag[OCI_TAG_MAX + 1]; /* "" when there is a digest and no tag */
	char digest[OCI_DIGEST_SIZE];
	bool has_domain; /* it was written, not made up */
	bool has_tag;
};

/* -EINVAL and a sentence. */
int oci_reference_parse(const char *text, struct oci_reference *ret, struct err *err);

enum { OCI_REFERENCE_TEXT = OCI_REFERENCE_MAX + OCI_PATH_SIZE + OCI_TAG_MAX + OCI_DIGEST_SIZE + 4 };

/* Written out in full: "docker.io/library/tiny:latest". */
void oci_reference_format(const struct oci_reference *reference, char ret[OCI_REFERENCE_TEXT]);

#endif
