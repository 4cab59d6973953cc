/* Kits in ZIP files: the folder's content, spec.yaml at the top. */
#ifndef SBX_KIT_ZIP_H
#define SBX_KIT_ZIP_H

struct err;
struct kit_bundle;

/*
 * Reads one from a file of strangers into a bundle that was initialised. Links,
 * encryption, names that lead elsewhere and what grows beyond a kit's limits
 * are refused. -errno with a sentence.
 */
int kit_zip_read(const char *path, struct kit_bundle *bundle, struct err *err);

/* Writes one, the same bytes for the same kit; the file appears whole or not at all. */
int kit_zip_write(const struct kit_bundle *bundle, const char *path, struct err *err);

#endif
