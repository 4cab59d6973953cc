/*
 * One layer of an OCI image, put on a tree as it comes (OCI image specification,
 * layer.md). Whiteouts (".wh.NAME", ".wh..wh..opq") hide what layers below
 * brought; other names that begin with ".wh..wh." are aufs's own and left out.
 *
 * Refused with a sentence: what tar/reader.h and erofs/tree.h refuse (devices
 * among it), and what goes beyond the limits. Of extended attributes user.* and
 * security.capability are kept. setuid and setgid are kept: they hold in a guest.
 */
#ifndef SBX_IMAGE_LAYER_H
#define SBX_IMAGE_LAYER_H

#include <stddef.h>
#include <stdint.h>

#include "sbx-image/decoder.h"

struct erofs_tree;
struct erofs_writer;
struct layer;

enum { LAYER_DIGEST_SIZE = 32 };

struct layer_config {
	enum decoder_format format;
	struct erofs_tree *tree;     /* weak */
	struct erofs_writer *writer; /* weak; for the tree */
	uint64_t bytes_max;	     /* of the layer, decoded */
	uint64_t entries_max;
};

/* SHA-256 of the blob, and of the archive in it (diff_id). */
struct layer_digests {
	uint8_t blob[LAYER_DIGEST_SIZE];
	uint8_t diff[LAYER_DIGEST_SIZE];
};

int layer_create(const struct layer_config *config, struct layer **ret);
void layer_destroy(struct layer *layer);

int layer_feed(struct layer *layer, const uint8_t *bytes, size_t len, struct err *err);
/* No more bytes come. */
int layer_finish(struct layer *layer, struct err *err, struct layer_digests *ret);

#endif
