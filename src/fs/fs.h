/*
 * Host folders served as FUSE requests (<linux/fuse.h>, protocol 7.36 to 7.38).
 *
 * One `struct fs` is one virtio-fs device: a virtual root folder with one entry
 * per mount. A request is a list of buffers to read and a list of buffers to
 * write; where they come from is the caller's affair. All of it runs in one
 * thread and never waits for anything but the disk.
 *
 * Confinement. The guest names files by node ids, which the table of node.h
 * maps to what was found beneath a mount's descriptor; each step is one name,
 * opened with openat2 beneath a held descriptor of its folder, never through a
 * symbolic link, and compared with the inode that was meant. No path is ever
 * built. Read-only mounts are enforced here. Whatever the guest repeats (nodes,
 * open files, locks, watches, buffers) is counted against a maximum.
 *
 * Owners. Every file appears to belong to config.uid:gid; what is created
 * belongs to the user who runs this process. Set-user-id bits, device nodes and
 * extended attributes other than user.* do not pass.
 *
 * Coherence. When the guest takes notifications, it may keep what it learnt
 * for long, and changes that others make on the host are pushed to it (watch.h).
 * When it does not, nothing is kept: each use asks again.
 *
 * The process must have umask 0.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct fs;

enum {
	FS_MOUNTS_MAX = 64,
	FS_NOTIFICATION_MAX = 512, /* bytes of one notification */
};

/* What the device around the file system does for it; `host` is config.host. */
struct fs_host_impl {
	/* Whether the guest posts notification buffers; asked when a session starts. */
	bool (*can_notify)(void *host);
	/* Sends one whole notification; -EAGAIN: no buffer is free now. */
	int (*notify)(void *host, const void *bytes, size_t len);
	/* The reply to a request for which fs_serve() said -EINPROGRESS. */
	void (*answer)(void *host, uint64_t token, const void *bytes, size_t len);
};

struct fs_config {
	const struct fs_host_impl *impl;
	void *host;
	int proc_fd;  /* /proc/self/fd, O_PATH; weak, stays open */
	uint32_t uid; /* shown as owner of everything */
	uint32_t gid;
	uint32_t max_nodes;   /* files the guest may know at once */
	uint32_t max_folders; /* of them, folders it may look into: a descriptor each */
	uint32_t max_handles; /* files it may have open: a descriptor each */
};

/* The configuration is copied. */
int fs_create(const struct fs_config *config, struct fs **ret);
void fs_destroy(struct fs *fs);

/*
 * Adds a folder or a regular file as entry `name` of the root; fd (O_PATH or
 * O_RDONLY) becomes the file system's, on failure too. -EEXIST, -ENOSPC,
 * -EINVAL for a bad name or neither folder nor regular file, -errno.
 */
int fs_mount(struct fs *fs, const char *name, int fd, bool read_only);

/* The entry vanishes and everything below is dead (-ESTALE). -ENOENT. */
int fs_unmount(struct fs *fs, const char *name);

/*
 * Serves one request: reads `in`, writes the reply to `out`. Returns the bytes
 * written, 0 when the request wants no reply, -EINPROGRESS when fs_host_impl.answer
 * will bring it later under `token`, -EPROTO when there is no request in `in`.
 */
ssize_t fs_serve(struct fs *fs, const struct iovec *in, size_t in_count, const struct iovec *out,
		 size_t out_count, uint64_t token);

/* Forgets all that the guest knows, has open, locked or waits for; a new session does that, too. */
void fs_reset(struct fs *fs);

/* Answers every request that waits for a lock with -EINTR: its place will be gone. */
void fs_cancel_locks(struct fs *fs);

/* Readable when the host changed something; -1 when changes are not watched. */
int fs_watch_fd(const struct fs *fs);

/*
 * Call when fs_watch_fd() is readable and when notification buffers came back.
 * Returns whether to wait for fs_watch_fd(): false while the guest is behind.
 */
bool fs_watch_run(struct fs *fs);

/* Requests that wait for a lock; call fs_retry_locks() every few milliseconds while not 0. */
size_t fs_lock_waiters(const struct fs *fs);
void fs_retry_locks(struct fs *fs);

#endif
