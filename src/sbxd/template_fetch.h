/*
 * One run of skopeo, in its jail: an image of a registry into an OCI layout.
 */
#ifndef SBXD_TEMPLATE_FETCH_H
#define SBXD_TEMPLATE_FETCH_H

struct err;
struct oci_reference;
struct supervisor;

/* folder: empty, of this daemon's; the layout will be in it. -EIO and what skopeo said. */
int template_fetch(struct supervisor *supervisor, const struct oci_reference *reference,
		   const char *folder, struct err *err);

#endif
