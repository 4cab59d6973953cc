/*
 * An image that somebody made, from an archive or an OCI layout, becomes a template
 * of the store. Every document and every layer is checked against its digest where
 * the image says one.
 *
 * A template has TEMPLATE_LAYERS_MAX layers: of an image with more, the top ones are
 * merged into one, and of one with more than fit there those below it too.
 */
#ifndef SBXD_TEMPLATE_IMPORT_H
#define SBXD_TEMPLATE_IMPORT_H

#include <stddef.h>

struct err;
struct supervisor;
struct template;
struct template_source;

enum { TEMPLATE_SAVE_MAX = 2 };

/*
 * reference: what to call it; NULL: what the image calls itself. Enters it in the store, which
 * the caller holds. -EPROTO, -ENOENT, -EINVAL and a sentence for what is refused.
 */
int template_import(struct supervisor *supervisor, const struct template_source *source,
		    const char *reference, struct template *ret, struct err *err);

/*
 * What a sandbox became: the layers of `base`, less those that the archives replace, and a layer
 * made of `archives`, the lowest first, on top. One archive is the sandbox's own layer; of two the
 * first is that of the top layer of base, which they replace. Enters it in the store, as above.
 */
int template_import_saved(struct supervisor *supervisor, const struct template *base,
			  const char *const *archives, size_t count, const char *reference,
			  struct template *ret, struct err *err);

#endif
