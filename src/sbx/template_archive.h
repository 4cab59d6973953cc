/*
 * An OCI layout in a tar archive (OCI image specification, image-layout.md): what
 * `sbx template export` writes. The same template makes the same bytes: times are
 * zero, entries and members are in a fixed order.
 */
#ifndef SBX_TEMPLATE_ARCHIVE_H
#define SBX_TEMPLATE_ARCHIVE_H

#include <jansson.h>
#include <stddef.h>

struct err;

enum { TEMPLATE_ARCHIVE_LAYERS = 6 };

struct template_archive {
	const json_t *template;	  /* its object: reference, agent, config */
	const int *layers;	  /* open archives, the lowest first */
	const char *const *marks; /* where each came from: OCI_LAYER_MARK of oci/manifest.h */
	size_t count;
};

/* Writes it to `to`, from where that stands. */
int template_archive_write(const struct template_archive *archive, int to, struct err *err);

#endif
