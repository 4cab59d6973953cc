/*
 * A kit out of a folder: spec.yaml and the trees files/home, files/workspace.
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

#endif
