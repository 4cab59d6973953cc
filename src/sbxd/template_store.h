/*
 * The user's templates, in STATE/templates:
 *
 *	references.json		{"docker.io/library/tiny:latest":{"id":"sha256:…","pulled":true}, …}
 *	images/HEX.json		a template (template.h); layers of the store are relative to it
 *	layers/KEY.erofs	a layer; KEY is made of what it was made from (template_layer.h)
 *	layers/KEY.json		{"content":"tree:HEX"}: it is complete, and this is what is in it
 *	staging/		what is being made; emptied when the daemon starts
 *
 * An image without a reference goes at once; a layer goes when no image and no
 * sandbox uses it, and nobody holds the store.
 *
 * Who makes layers, or reads them to use them, holds the store meanwhile. All
 * functions may be called by any thread.
 */
#ifndef SBXD_TEMPLATE_STORE_H
#define SBXD_TEMPLATE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "sbxd/template.h"

struct err;
struct supervisor;
struct template_store;

int template_store_open(const char *state, struct template_store **ret, struct err *err);
void template_store_close(struct template_store *store);

/* The folder, and "KIND/NAME" or "KIND/NAME.SUFFIX" below it in fresh memory. */
const char *template_store_folder(const struct template_store *store);
char *template_store_path(const struct template_store *store, const char *kind, const char *name,
			  const char *suffix);

/* While anybody holds the store no layer goes. */
void template_store_hold(struct template_store *store);
void template_store_release(struct template_store *store);

/*
 * By reference ("tiny", "localhost:5000/a:1"), id, or the first 12 or more digits of one; its name
 * is the reference it was found by, its layers' paths are absolute. -ENOENT and a sentence.
 */
int template_store_find(struct template_store *store, const char *reference, struct template *ret,
			struct err *err);

/* All of them by reference, each to be finished, in fresh memory. -ENOMEM. */
int template_store_list(struct template_store *store, struct template **ret, size_t *ret_count);

/*
 * Enters a template, whose name is its reference written out in full, in place of what had that
 * reference. Its id is set. Hold the store.
 */
int template_store_put(struct template_store *store, struct template *template, struct err *err);

/* Whether a reference was pulled from a registry: until it is put anew. */
int template_store_mark_pulled(struct template_store *store, const char *name, struct err *err);
bool template_store_was_pulled(struct template_store *store, const char *name);

/*
 * Removes a reference, or by id an image with all of its references; *ret_references is a list of
 * those that went. -ENOENT.
 */
int template_store_remove(struct template_store *store, const char *reference,
			  json_t **ret_references, struct err *err);

/* Removes all references and images. */
int template_store_clear(struct template_store *store, struct err *err);

/* Removes the layers that nothing uses, unless somebody holds the store. */
void template_store_collect(struct template_store *store, struct supervisor *supervisor);

/*
 * What a layer holds: "tree:HEX" for one of the store, template_layer_hash() for another. -ENOMEM
 * or of reading.
 */
int template_store_content(struct template_store *store, const char *layer, char **ret,
			   struct err *err);

#endif
