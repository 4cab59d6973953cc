/*
 * What of a sandbox's own layer is its own business, and no part of a template that
 * is saved from it. Names are those of an archive: relative to the root.
 */
#ifndef SBX_INIT_LAYER_OWN_H
#define SBX_INIT_LAYER_OWN_H

#include <stdbool.h>
#include <sys/stat.h>

#include "tar/writer.h"

struct layer_config;

/* Whether it, and what is below it, is left out. */
bool layer_own_skips(const struct layer_config *config, const char *name);

/* Whether it is packed by layer_own_pack(): without this sandbox's part of it. */
bool layer_own_packs(const struct layer_config *config, const char *name);

int layer_own_pack(const struct layer_config *config, const char *name, const struct stat *info,
		   struct tar_writer *writer, struct err *err);

#endif
