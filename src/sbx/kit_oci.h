/*
 * Kits in registries, carried by skopeo: it knows proxies, certificates and
 * logins of this user. Between it and us stands a folder in the form of the
 * OCI image layout; all digests are checked again.
 */
#ifndef SBX_KIT_OCI_H
#define SBX_KIT_OCI_H

#include "kit/digest.h"

struct err;
struct kit_bundle;
struct kit_image;

/* Reads the kit of a reference written out in full into a bundle that was initialised. */
int kit_oci_read(const char *reference, struct kit_bundle *bundle, struct err *err);

/* Sends an image; *ret_digest is its manifest's. */
int kit_oci_push(const struct kit_bundle *bundle, const struct kit_image *image,
		 const char *reference, struct err *err);

#endif
