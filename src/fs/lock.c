#include "fs/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

void lock_table_clear(struct lock_table *table)
{
	for (size_t i = 0; i < table->owners; i++)
		(void)close(table->owner[i].fd);
	table->owners = table->waiters = 0;
}

static struct lock_owner *owner_of(struct fs *fs, const struct node *node, uint64_t owner)
{
	for (size_t i = 0; i < fs->locks.owners; i++)
		if (fs->locks.owner[i].node == node->id && fs->locks.owner[i].owner == owner)
			return &fs->locks.owner[i];
	return NULL;
}

/* The descriptor may share its open file with a handle, so that closing it alone frees nothing. */
static void owner_remove(struct lock_table *table, size_t index)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	(void)fcntl(table->owner[index].fd, F_OFD_SETLK, &all);
	(void)close(table->owner[index].fd);
	table->owner[index] = table->owner[--table->owners];
}

/*
 * Open for writing where that is allowed: a write lock needs it. A file whose
 * mode forbids to open it again is locked through the handle itself.
 */
static int open_for_locks(struct fs *fs, struct node *node, uint64_t fh)
{
	const struct handle *handle;
	struct statx now;
	int fd = node_is_read_only(fs, node) ? -EROFS : node_open(fs, node, O_RDWR, &now);

	if (fd == -EROFS || fd == -ETXTBSY)
		fd = node_open(fs, node, O_RDONLY, &now);
	if (fd != -EACCES)
		return fd;
	handle = handle_of(fs, fh, node);
	if (handle == NULL)
		return -EBADF;
	fd = fcntl(handle->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int owner_make(struct fs *fs, struct node *node, const struct fuse_lk_in *wish,
		      struct lock_owner **ret)
{
	struct lock_table *table = &fs->locks;
	int fd;

	if (table->owners == LOCK_OWNERS_MAX)
		return -ENOLCK;
	fd = open_for_locks(fs, node, wish->fh);
	if (fd < 0)
		return fd;
	*ret = &table->owner[table->owners++];
	**ret = (struct lock_owner){ .node = node->id, .owner = wish->owner, .fd = fd };
	return 0;
}

static int to_host(const struct fuse_file_lock *from, struct flock *ret)
{
	if (from->start > INT64_MAX || from->end < from->start)
		return -EINVAL;
	if (from->type != F_RDLCK && from->type != F_WRLCK && from->type != F_UNLCK)
		return -EINVAL;
	*ret = (struct flock){
		.l_type = (short)from->type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)from->start,
		/* 0: to the end, however far the file grows */
		.l_len = from->end >= INT64_MAX ? 0 : (off_t)(from->end - from->start + 1),
	};
	return 0;
}

static int try_record(struct fs *fs, struct node *node, const struct fuse_lk_in *wish)
{
	struct lock_owner *owner = owner_of(fs, node, wish->owner);
	struct flock lock;
	int r = to_host(&wish->lk, &lock);

	if (r < 0)
		return r;
	if (owner == NULL && lock.l_type == F_UNLCK)
		return 0;
	if (owner == NULL)
		r = owner_make(fs, node, wish, &owner);
	if (r < 0)
		return r;
	owner->fh = wish->fh;
	owner->pid = wish->lk.pid;
	return fcntl(owner->fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static int try_flock(struct fs *fs, struct node *node, const struct fuse_lk_in *wish)
{
	const struct handle *handle = handle_of(fs, wish->fh, node);
	int how;

	if (handle == NULL)
		return -EBADF;
	switch (wish->lk.type) {
	case F_RDLCK:
		how = LOCK_SH;
		break;
	case F_WRLCK:
		how = LOCK_EX;
		break;
	case F_UNLCK:
		how = LOCK_UN;
		break;
	default: /* the guest's nonsense */
		return -EINVAL;
	}
	return flock(handle->fd, how | LOCK_NB) < 0 ? -errno : 0;
}

/* 0, -EAGAIN when another holds it, -errno. */
static int try_lock(struct fs *fs, struct node *node, const struct fuse_lk_in *wish)
{
	int r;

	if (!S_ISREG(node->is.type))
		return -EBADF;
	r = (wish->lk_flags & FUSE_LK_FLOCK) != 0 ? try_flock(fs, node, wish)
						  : try_record(fs, node, wish);
	return r == -EACCES ? -EAGAIN : r;
}

static void answer(struct fs *fs, const struct lock_waiter *waiter, int error)
{
	struct fuse_out_header header = {
		.len = sizeof(header),
		.error = error,
		.unique = waiter->unique,
	};

	fs->config.impl->answer(fs->config.host, waiter->token, &header, sizeof(header));
}

static void waiter_remove(struct lock_table *table, size_t index)
{
	table->waiters--;
	memmove(&table->waiter[index], &table->waiter[index + 1],
		(table->waiters - index) * sizeof(table->waiter[0]));
}

void fs_retry_locks(struct fs *fs)
{
	for (size_t i = 0; i < fs->locks.waiters;) {
		struct lock_waiter waiter = fs->locks.waiter[i];
		struct node *node = node_of(fs, waiter.node);
		int r = node != NULL ? try_lock(fs, node, &waiter.wish) : -ESTALE;

		if (r == -EAGAIN) {
			i++;
			continue;
		}
		waiter_remove(&fs->locks, i);
		answer(fs, &waiter, r);
	}
}

size_t fs_lock_waiters(const struct fs *fs)
{
	return fs->locks.waiters;
}

void lock_interrupt(struct fs *fs, uint64_t unique)
{
	for (size_t i = 0; i < fs->locks.waiters; i++) {
		struct lock_waiter waiter = fs->locks.waiter[i];

		if (waiter.unique != unique)
			continue;
		waiter_remove(&fs->locks, i);
		answer(fs, &waiter, -EINTR);
		return;
	}
}

void fs_cancel_locks(struct fs *fs)
{
	while (fs->locks.waiters > 0)
		lock_interrupt(fs, fs->locks.waiter[0].unique);
}

void lock_drop_owner(struct fs *fs, struct node *node, uint64_t owner)
{
	struct lock_owner *found = owner_of(fs, node, owner);

	if (found == NULL)
		return;
	owner_remove(&fs->locks, (size_t)(found - fs->locks.owner));
	fs_retry_locks(fs);
}

void lock_closed(struct fs *fs, struct node *node, uint64_t fh)
{
	for (size_t i = fs->locks.owners; i-- > 0;)
		if (fs->locks.owner[i].node == node->id && fs->locks.owner[i].fh == fh)
			owner_remove(&fs->locks, i);
	if (fs->locks.waiters > 0)
		fs_retry_locks(fs);
}

void lock_drop_node(struct fs *fs, const struct node *node)
{
	for (size_t i = fs->locks.owners; i-- > 0;)
		if (fs->locks.owner[i].node == node->id)
			owner_remove(&fs->locks, i);
	for (size_t i = fs->locks.waiters; i-- > 0;) {
		struct lock_waiter waiter = fs->locks.waiter[i];

		if (waiter.node != node->id)
			continue;
		waiter_remove(&fs->locks, i);
		answer(fs, &waiter, -ESTALE);
	}
}

static uint32_t pid_of_other(struct fs *fs, const struct node *node, uint64_t owner)
{
	for (size_t i = 0; i < fs->locks.owners; i++)
		if (fs->locks.owner[i].node == node->id && fs->locks.owner[i].owner != owner)
			return fs->locks.owner[i].pid;
	return 0; /* held by the host */
}

int serve_getlk(struct fs *fs, struct request *request)
{
	const struct fuse_lk_in *in = &request->arg.lock;
	const struct lock_owner *owner = owner_of(fs, request->node, in->owner);
	const struct handle *handle = handle_of(fs, in->fh, request->node);
	struct fuse_lk_out out = { .lk = { .type = F_UNLCK } };
	struct flock lock;
	int r = to_host(&in->lk, &lock);

	if (r < 0)
		return r;
	if (handle == NULL)
		return -EBADF;
	if (fcntl(owner != NULL ? owner->fd : handle->fd, F_OFD_GETLK, &lock) < 0)
		return -errno;
	if (lock.l_type != F_UNLCK)
		out.lk = (struct fuse_file_lock){
			.start = (uint64_t)lock.l_start,
			.end = lock.l_len == 0 ? INT64_MAX
					       : (uint64_t)(lock.l_start + lock.l_len - 1),
			.type = (uint32_t)lock.l_type,
			.pid = pid_of_other(fs, request->node, in->owner),
		};
	return request_put(request, &out, sizeof(out));
}

int serve_setlk(struct fs *fs, struct request *request)
{
	const struct fuse_lk_in *in = &request->arg.lock;
	int r = try_lock(fs, request->node, in);

	if (r == 0 && in->lk.type == F_UNLCK && fs->locks.waiters > 0)
		fs_retry_locks(fs);
	return r;
}

int serve_setlkw(struct fs *fs, struct request *request)
{
	int r = serve_setlk(fs, request);

	if (r != -EAGAIN)
		return r;
	if (fs->locks.waiters == LOCK_WAITERS_MAX)
		return -ENOLCK;
	fs->locks.waiter[fs->locks.waiters++] = (struct lock_waiter){
		.node = request->node->id,
		.unique = request->head.unique,
		.token = request->token,
		.wish = request->arg.lock,
	};
	return REPLY_LATER;
}
