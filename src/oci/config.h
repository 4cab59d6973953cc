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

/* The label by which an exported template says for which agent it is. */
#define OCI_AGENT_LABEL "io.github.sbx.agent"

enum { OCI_AGENT_SIZE = 64 };

struct oci_config {
	char agent[OCI_AGENT_SIZE]; /* "": none */
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
