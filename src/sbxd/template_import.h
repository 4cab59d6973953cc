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

struct err;
struct supervisor;
struct template;
struct template_source;

/*
 * reference: what to call it; NULL: what the image calls itself. Enters it in the store, which
 * the caller holds. -EPROTO, -ENOENT, -EINVAL and a sentence for what is refused.
 */
int template_import(struct supervisor *supervisor, const struct template_source *source,
		    const char *reference, struct template *ret, struct err *err);

#endif
