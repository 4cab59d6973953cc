/*
 * A kit as an OCI image: the manifest's artifactType and the media type of its
 * configuration say that it is one, the configuration is spec.yaml as it
 * stands, and one layer has the files. The same kit gives the same bytes: no
 * time, no owner, no name of a machine is in them.
 *
 * Kits of schema version 3 are ordinary images whose manifest carries the
 * description as an annotation; they are read and never written.
 */
#ifndef KIT_IMAGE_H
#define KIT_IMAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "kit/digest.h"

struct err;
struct kit_bundle;

#define KIT_IMAGE_TYPE "application/vnd.docker.sandbox.kit.v2"
#define KIT_IMAGE_CONFIG_TYPE "application/vnd.docker.sandbox.kit.v2.spec+yaml"
#define KIT_IMAGE_LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define KIT_IMAGE_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define KIT_IMAGE_SIGNATURE "io.github.sbx.kit.signature"

enum { IMAGE_MANIFEST_MAX = 4 << 20, IMAGE_LAYER_MAX = 256 << 20 };

/* The bytes of the blobs but the configuration, which is the bundle's spec; owned. */
struct kit_image {
	struct buf layer, manifest;
	char layer_digest[DIGEST_TEXT_SIZE], config_digest[DIGEST_TEXT_SIZE],
		manifest_digest[DIGEST_TEXT_SIZE];
};

/* spec: the kit in the form of schema version 2. *ret must be finished. -ENOBUFS, -ENOMEM. */
int kit_image_write(const struct kit_bundle *bundle, const json_t *spec, struct kit_image *ret,
		    struct err *err);
void kit_image_finish(struct kit_image *image);

/* What a manifest says where things are. */
struct kit_image_parts {
	bool has_layer;
	char config[DIGEST_TEXT_SIZE], layer[DIGEST_TEXT_SIZE];
};

/*
 * Reads a manifest. A kit of version 3 is complete then, its spec in the
 * bundle and *ret empty; for others the parts are to be added by the calls
 * below. With a sentence: -EPROTO for what is no manifest or no kit, -EFBIG.
 */
int kit_image_read(const void *bytes, size_t len, struct kit_bundle *bundle,
		   struct kit_image_parts *ret, struct err *err);

/* The configuration and the layer; -EBADMSG when they are not what the manifest names. */
int kit_image_add_config(const void *bytes, size_t len, const char *digest,
			 struct kit_bundle *bundle, struct err *err);
int kit_image_add_layer(const void *bytes, size_t len, const char *digest,
			struct kit_bundle *bundle, struct err *err);

#endif
