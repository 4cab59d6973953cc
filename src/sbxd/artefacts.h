/*
 * Where the things are that a sandbox is made of: kernel, templates, initramfs and
 * the device backends. Each is looked for in this order: its variable, the
 * folder of --artefacts, beside this program as installed, beside it as built.
 */
#ifndef SBXD_ARTEFACTS_H
#define SBXD_ARTEFACTS_H

#include <stddef.h>

struct err;

enum artefact {
	ARTEFACT_KERNEL,
	ARTEFACT_TEMPLATES, /* the folder of manifests, see templates.h */
	ARTEFACT_INITRAMFS,
	ARTEFACT_BLK,
	ARTEFACT_FS,
	ARTEFACT_VSOCK,
	ARTEFACT_NET,
	ARTEFACT_PROXY,
	ARTEFACT_VMM,
	ARTEFACT_SERVICES, /* the folder of service files */
	ARTEFACT_IMAGER,   /* sbx-image */
	ARTEFACT_POLICIES, /* the folder of presets */
	ARTEFACT_COUNT,
};

struct artefacts {
	char *paths[ARTEFACT_COUNT]; /* owned; NULL: not found */
};

/* folder: of --artefacts, or NULL. Something missing is no failure here. -ENOMEM. */
int artefacts_init(struct artefacts *artefacts, const char *folder);
void artefacts_finish(struct artefacts *artefacts);

/* "kernel", "templates", … */
const char *artefact_name(enum artefact artefact);

/* The path, or NULL and a sentence that says how to bring the thing. */
const char *artefacts_need(const struct artefacts *artefacts, enum artefact artefact,
			   struct err *err);

#endif
