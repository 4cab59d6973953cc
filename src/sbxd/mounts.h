/*
 * What of the host a sandbox may see. Checked once, when a mount is asked for:
 * the source is resolved to a path without symbolic links and kept that way;
 * at each start it is opened without following any, so that a link put there
 * later cannot lead elsewhere.
 */
#ifndef SBXD_MOUNTS_H
#define SBXD_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct paths;

enum { MOUNTS_MAX = 64 };

struct mount {
	char *source; /* owned; absolute, resolved */
	char *target; /* owned; absolute path in the guest */
	bool read_only;
	bool is_file;
};

struct mounts {
	struct mount items[MOUNTS_MAX];
	size_t count;
};

/* What is asked for; target NULL: the source. */
struct mount_request {
	const char *source, *target;
	bool read_only;
	bool force; /* also what is refused for being too much */
};

/*
 * Adds a mount after checking it against the file system, the policy (not /,
 * the home folder, what holds it, or the daemon's own folders) and the others.
 */
int mounts_add(struct mounts *mounts, const struct mount_request *request,
	       const struct paths *paths, struct err *err);
/* Adds a mount that was checked when it was stored. -E2BIG, -ENOMEM. */
int mounts_add_stored(struct mounts *mounts, const struct mount *mount);
void mounts_drop_last(struct mounts *mounts);
void mounts_finish(struct mounts *mounts);

/* An absolute path in the guest that is not one of the system's own; normal form. */
bool mount_target_is_valid(const char *target);

/*
 * Descriptor of the source, no symbolic link followed on the way, from which nothing
 * above it can be reached (jail/confine.h); weak: a plain one where the host cannot.
 */
int mount_open(const struct mount *mount, bool weak, int *ret_fd, struct err *err);

#endif
