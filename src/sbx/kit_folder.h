/*
 * A kit in a folder: spec.yaml and the trees files/home, files/workspace.
 * What is read is regular files only, found without following any link.
 */
#ifndef SBX_KIT_FOLDER_H
#define SBX_KIT_FOLDER_H

struct err;
struct kit_bundle;

/*
 * Reads it into a bundle that was initialised. -errno with a sentence: -ENOENT
 * when there is no kit, -EPERM for links, -EFBIG.
 */
int kit_folder_read(const char *path, struct kit_bundle *bundle, struct err *err);

/* Makes the folder and writes the kit into it. -EEXIST when it is there already. */
int kit_folder_write(const struct kit_bundle *bundle, const char *path, struct err *err);

/* Writes its signature into the folder that it was read from. */
int kit_folder_write_signature(const struct kit_bundle *bundle, struct err *err);

#endif
