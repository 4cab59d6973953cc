/*
 * An image's configuration (OCI image specification, config.md): for which machine
 * it is, the digests of its layers' archives, and how programs want to be started.
 */
#ifndef OCI_CONFIG_H
#define OCI_CONFIG_H

#include <jansson.h>
#include <stddef.h>

#include "oci/manifest.h"

struct err;

struct oci_config {
	char diff_ids[OCI_LAYERS_MAX][OCI_DIGEST_SIZE];
	size_t count;
	/*
	 * Owned: "Env", "WorkingDir", "User", "Entrypoint", "Cmd" and no more, each of its right
	 * type, absent where nothing is said.
	 */
	json_t *config;
};

/* -EPROTO and a sentence; -ENOENT for another machine than linux/amd64. */
int oci_config_parse(const char *text, size_t len, struct oci_config *ret, struct err *err);
void oci_config_finish(struct oci_config *config);

#endif
