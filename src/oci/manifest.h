/*
 * An image manifest: its configuration and its layers, the lowest first (OCI image
 * specification, manifest.md; Docker's "image manifest version 2, schema 2" is the
 * same in other words).
 */
#ifndef OCI_MANIFEST_H
#define OCI_MANIFEST_H

#include <jansson.h>
#include <stddef.h>

#include "oci/descriptor.h"

struct err;

/* What a template's layers can be made of: its top ones are merged (sbxd/template_layers.h). */
enum { OCI_LAYERS_MAX = 128, OCI_MARK_SIZE = 96 };

enum oci_compression { OCI_TAR, OCI_GZIP, OCI_ZSTD };

struct oci_layer {
	struct oci_descriptor descriptor;
	enum oci_compression compression;
	char mark[OCI_MARK_SIZE]; /* annotation OCI_LAYER_MARK; "": none */
};

/* Where an exported template says from which layer of which installation this one came. */
#define OCI_LAYER_MARK "io.github.sbx.layer"

struct oci_manifest {
	struct oci_descriptor config;
	struct oci_layer layers[OCI_LAYERS_MAX];
	size_t count; /* at least 1 */
};

/* -EPROTO and a sentence. */
int oci_manifest_parse(const char *text, size_t len, struct oci_manifest *ret, struct err *err);

/* "digest" and "size" of an object. */
int oci_descriptor_parse(const char *what, const json_t *object, struct oci_descriptor *ret,
			 struct err *err);

#endif
