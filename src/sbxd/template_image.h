/*
 * An image taken apart: its layers' archives as open files, and how programs in it
 * want to be started.
 */
#ifndef SBXD_TEMPLATE_IMAGE_H
#define SBXD_TEMPLATE_IMAGE_H

#include <jansson.h>
#include <stddef.h>

#include "oci/config.h"
#include "oci/index.h"
#include "oci/manifest.h"
#include "sbxd/template_layer.h"

struct err;
struct template_source;

struct template_image {
	struct template_blob blobs[OCI_LAYERS_MAX]; /* each fd owned */
	char marks[OCI_LAYERS_MAX][OCI_MARK_SIZE];
	size_t count;
	json_t *config; /* owned; see oci/config.h */
	char agent[OCI_AGENT_SIZE];
	char name[OCI_NAME_MAX]; /* what it calls itself; "": nothing */
};

/* Reads it; too large for a stack. Finish it also after a failure. */
int template_image_read(const struct template_source *source, struct template_image *ret,
			struct err *err);
void template_image_finish(struct template_image *image);

#endif
