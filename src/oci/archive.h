/*
 * manifest.json of an archive that `docker save` made: which files of it are the
 * configuration and the layers, the lowest first. It says neither digests nor how
 * layers are compressed.
 */
#ifndef OCI_ARCHIVE_H
#define OCI_ARCHIVE_H

#include <jansson.h>
#include <stddef.h>

#include "oci/manifest.h"

struct err;

struct oci_archive {
	json_t *json;	    /* owned; what the strings below are part of */
	const char *config; /* names of files */
	const char *layers[OCI_LAYERS_MAX];
	size_t count;
	const char *name; /* of the image; NULL: none */
};

/* -EPROTO and a sentence; -EINVAL when there are several images. */
int oci_archive_parse(const char *text, size_t len, struct oci_archive *ret, struct err *err);
void oci_archive_finish(struct oci_archive *archive);

#endif
