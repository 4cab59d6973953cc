/*
 * An image index: index.json of an OCI layout, or a list of manifests for several
 * architectures (OCI image specification, image-index.md; Docker's manifest list
 * is the same in other words). One entry is chosen.
 */
#ifndef OCI_INDEX_H
#define OCI_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "oci/descriptor.h"

struct err;

enum { OCI_NAME_MAX = 512 };

struct oci_choice {
	struct oci_descriptor descriptor;
	bool is_index;		 /* what it leads to is an index again */
	char name[OCI_NAME_MAX]; /* what the entry says the image is called; "": nothing */
};

/*
 * The one image for linux/amd64. -ENOENT and a sentence that says for what the image
 * is when there is none; -EINVAL when there are several; -EPROTO for what is no index.
 */
int oci_index_choose(const char *text, size_t len, struct oci_choice *ret, struct err *err);

#endif
