#include "sbx-init/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "wire/guest.h"

#define SHARE_FOLDER "/run/sbx/share"

static const char share_tag[] = "sbx";

/* Mounts the device unless that was done; sessions come here at the same time, hence the lock. */
static int mount_device(struct err *err)
{
	autoclose int lock = open("/run/sbx", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat here, above;

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_set_errno(err, -errno, "cannot lock /run/sbx");
	if (mkdir(SHARE_FOLDER, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno, "cannot make " SHARE_FOLDER);
	if (fstat(lock, &above) == 0 && stat(SHARE_FOLDER, &here) == 0 &&
	    here.st_dev != above.st_dev)
		return 0;
	if (mount(share_tag, SHARE_FOLDER, "virtiofs", MS_NOSUID | MS_NODEV, NULL) < 0)
		return err_set_errno(err, -errno, "cannot mount the host's folders");
	return 0;
}

static int make_one(const char *path, const struct stat *above, int is_file)
{
	if (is_file) {
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

		if (fd < 0)
			return errno == EEXIST ? 0 : -errno;
		(void)close(fd);
	} else if (mkdir(path, 0755) < 0) {
		return errno == EEXIST ? 0 : -errno;
	}
	return lchown(path, above->st_uid, above->st_gid) < 0 ? -errno : 0;
}

int share_make_target(const char *path, int is_file, struct err *err)
{
	autofree char *part = strdup(path);
	struct stat above;
	char *slash = part;

	if (part == NULL)
		return err_set_errno(err, -ENOMEM, "cannot make '%s'", path);
	if (path[0] != '/' || stat("/", &above) < 0)
		return err_set(err, -EINVAL, "'%s' is not an absolute path", path);
	while (slash != NULL) {
		int r;

		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		r = make_one(part, &above, is_file && slash == NULL);
		if (r == 0 && stat(part, &above) < 0)
			r = -errno;
		if (r < 0)
			return err_set_errno(err, r, "cannot make '%s' in the sandbox", part);
		if (slash != NULL)
			*slash = '/';
	}
	return 0;
}

static int bind_entry(const char *from, const struct guest_message *request, struct err *err)
{
	if (mount(from, request->target, NULL, MS_BIND, NULL) < 0)
		return err_set_errno(err, -errno, "cannot mount '%s'", request->target);
	if ((request->flags & GUEST_FLAG_READ_ONLY) == 0)
		return 0;
	if (mount(NULL, request->target, NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0) {
		int r = -errno;

		(void)umount2(request->target, MNT_DETACH | UMOUNT_NOFOLLOW);
		return err_set_errno(err, r, "cannot make '%s' read-only", request->target);
	}
	return 0;
}

int share_mount(const struct guest_message *request, struct err *err)
{
	const char *source = request->source == NULL ? "" : request->source;
	autofree char *from = NULL;
	int r;

	if (source[0] == '\0' || source[0] == '.' || strchr(source, '/') != NULL)
		return err_set(err, -EINVAL, "'%s' is not an entry of the shared device", source);
	if (request->target == NULL)
		return err_set(err, -EINVAL, "there is no path to mount on");
	if (asprintf(&from, SHARE_FOLDER "/%s", source) < 0) {
		from = NULL;
		return err_set_errno(err, -ENOMEM, "cannot mount '%s'", request->target);
	}
	r = mount_device(err);
	if (r == 0)
		r = share_make_target(request->target, (request->flags & GUEST_FLAG_FILE) != 0,
				      err);
	return r < 0 ? r : bind_entry(from, request, err);
}

int share_unmount(const struct guest_message *request, struct err *err)
{
	const char *target = request->target == NULL ? "" : request->target;

	if (umount2(target, UMOUNT_NOFOLLOW) == 0)
		return 0;
	if (errno == EBUSY)
		return err_set(err, -EBUSY, "'%s' is in use in the sandbox", target);
	return err_set_errno(err, -errno, "cannot unmount '%s'", target);
}
