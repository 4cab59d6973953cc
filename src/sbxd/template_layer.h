/*
 * Layers of the store, made by sbx-image in its jail from the archives of a
 * container image.
 *
 * The key of a layer is the SHA-256 of what it is made from: whether it is the
 * lowest, and the diff_ids of its archives. So equal layers are made once.
 */
#ifndef SBXD_TEMPLATE_LAYER_H
#define SBXD_TEMPLATE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci/manifest.h"

struct err;
struct artefacts;
struct template_store;

#define TEMPLATE_LAYER_SUFFIX ".erofs"

/* Archives that one layer may be made of: what sbx-image takes. */
enum { TEMPLATE_MERGE_MAX = 14 };

/* The archive of a layer, as it is given. */
struct template_blob {
	int fd;		 /* weak */
	uint64_t offset; /* of the file */
	uint64_t size_bytes;
	enum oci_compression compression;
	char digest[OCI_DIGEST_SIZE];  /* of the blob; "": not known */
	char diff_id[OCI_DIGEST_SIZE]; /* of the archive in it; "": not known */
};

/*
 * The layer made of these archives, the lowest first; *ret_path is its file, in fresh memory.
 * -EPROTO, -EPERM and a sentence for what is refused. Hold the store.
 */
int template_layer_make(struct template_store *store, const struct artefacts *artefacts,
			const struct template_blob *blobs, size_t count, bool is_lowest,
			char **ret_path, struct err *err);

/*
 * What an archive of an image holds, in lines of sbx-image/contents.h, in fresh memory; fd is
 * read from its begin.
 */
int template_layer_list(const struct artefacts *artefacts, int fd, char **ret, struct err *err);

/* "erofs:SIZE:HEX": a file's bytes and their SHA-256. */
int template_layer_hash(const char *path, char **ret);

#endif
