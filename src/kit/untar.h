/*
 * The files of a kit out of a tar archive from hostile hands: regular files
 * under home/ and workspace/ go into the bundle, folders are passed over,
 * links are refused, and files elsewhere are left out and remembered.
 */
#ifndef KIT_UNTAR_H
#define KIT_UNTAR_H

#include <stddef.h>

struct err;
struct kit_bundle;
struct kit_untar;

enum kit_untar_form {
	KIT_UNTAR_FILES, /* home/… and workspace/… */
	KIT_UNTAR_WHOLE, /* a kit's folder: spec.yaml, kit.sig.bundle, files/…; others are passed
			    over */
};

/* The bundle must outlive it. -ENOMEM. */
int kit_untar_create(struct kit_bundle *bundle, enum kit_untar_form form, struct kit_untar **ret);
void kit_untar_destroy(struct kit_untar *untar);

/* Errors as of tar_reader_feed() and kit_bundle_add(). */
int kit_untar_feed(struct kit_untar *untar, const void *bytes, size_t len, struct err *err);
/* No more bytes come; -EPROTO when the archive was cut short. */
int kit_untar_finish(struct kit_untar *untar, struct err *err);

#endif
