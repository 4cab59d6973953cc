#include "sbx-init/fastdir.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx-init/share.h"
#include "wire/guest.h"

#define FAST_FOLDER "/var/lib/sbx/fast"

/* The folder of our own disk, with the owner of the one that it stands for. */
static int make_own(const char *own, const char *target, struct err *err)
{
	struct stat info;
	int r = share_make_target(target, 0, err);

	if (r == 0)
		r = share_make_target(own, 0, err);
	if (r < 0)
		return r;
	if (lstat(target, &info) < 0 || !S_ISDIR(info.st_mode))
		return err_set(err, -ENOTDIR,
			       "'%s' is no folder, and cannot lie on the sandbox's disk; remove "
			       "it on the host",
			       target);
	return lchown(own, info.st_uid, info.st_gid) < 0
		       ? err_set_errno(err, -errno, "cannot make '%s'", own)
		       : 0;
}

int fastdir_mount(const struct guest_message *request, struct err *err)
{
	autofree char *own = NULL, *target = NULL;
	int r;

	if (request->source == NULL || request->target == NULL)
		return err_set(err, -EINVAL, "there is no folder to mount");
	if (asprintf(&own, FAST_FOLDER "/%s", request->source) < 0)
		own = NULL;
	if (asprintf(&target, "%s/%s", request->target, request->source) < 0)
		target = NULL;
	if (own == NULL || target == NULL)
		return err_set_errno(err, -ENOMEM, "cannot mount '%s'", request->source);
	r = make_own(own, target, err);
	if (r < 0)
		return r;
	return mount(own, target, NULL, MS_BIND, NULL) < 0
		       ? err_set_errno(err, -errno, "cannot mount '%s'", target)
		       : 0;
}
