/*
 * A layer of the root as an archive in the form of container images (OCI image
 * specification, layer.md): what a template is saved and exported from. The
 * guest's kernel has parsed the disk; the host sees nothing but this archive, and
 * treats it as hostile.
 *
 *	overlayfs				archive
 *	character device 0:0 NAME		empty file .wh.NAME
 *	trusted.overlay.opaque=y on a folder	empty file .wh..wh..opq in it
 *	extended attributes			pax records; user.* and security.capability only
 *
 * Entries come sorted by the bytes of their names, the first name of a file with
 * several as the file, so equal trees make equal archives. Left out are devices, FIFOs,
 * sockets, and names that begin with ".wh.", which the form cannot say.
 */
#ifndef SBX_INIT_LAYER_H
#define SBX_INIT_LAYER_H

#include <stdbool.h>

#include "tar/writer.h"

struct layer_config {
	int root; /* weak: the layer's folder */
	/*
	 * Leave out what a sandbox writes at its start or keeps for itself: host name, its
	 * authority, placeholders of secrets, folders that were made for mounts.
	 */
	bool is_own;
	const char *mounts; /* own: lines of /proc/self/mountinfo; NULL: none */
};

/* Writes all entries and the archive's end. -errno with a sentence. */
int layer_pack(const struct layer_config *config, struct tar_writer *writer, struct err *err);

#endif
