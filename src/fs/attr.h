/*
 * What a file looks like to the guest: attributes of the host with the owner
 * replaced, set-id bits taken out and devices made harmless; and for how long
 * the guest may keep them.
 */
#ifndef FS_ATTR_H
#define FS_ATTR_H

#include <linux/fuse.h>
#include <sys/stat.h>

struct fs;
struct node;
struct request;

/* The inode number shown for one of a host device: unique within the guest's one device. */
uint64_t attr_inode(const struct fs *fs, uint64_t device, uint64_t inode);

void attr_fill(const struct fs *fs, const struct node *node, const struct statx *from,
	       struct fuse_attr *ret);

/* Seconds for which the guest may believe the attributes, knowing node under its present name. */
uint64_t attr_keep_s(struct fs *fs, const struct node *node, const struct statx *from);

/* Seconds for which the guest may believe what a name in folder means. */
uint64_t attr_keep_name_s(struct fs *fs, const struct node *folder);

/* Fills an entry for node and counts the lookup that it is. */
void attr_entry(struct fs *fs, struct node *node, const struct statx *from,
		struct fuse_entry_out *ret);

/* Finds or makes the node of folder/name as it stands there now, with its entry. */
int attr_lookup(struct fs *fs, struct node *folder, const char *name, struct fuse_entry_out *ret);

/* attr_lookup() as the reply. */
int attr_reply_lookup(struct fs *fs, struct request *request, struct node *folder,
		      const char *name);

#endif
