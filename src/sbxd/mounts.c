#include "sbxd/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "jail/confine.h"
#include "sbxd/paths.h"

/* True when inner is outer or lies below it; both absolute and in normal form. */
static bool is_within(const char *inner, const char *outer)
{
	size_t len = strlen(outer);

	if (strcmp(outer, "/") == 0)
		return true;
	return strncmp(inner, outer, len) == 0 && (inner[len] == '\0' || inner[len] == '/');
}

/* Copies an absolute path without doubled or trailing slashes; NULL when a part is "." or "..". */
static char *normal_form(const char *path)
{
	char *copy = malloc(strlen(path) + 2);
	size_t len = 0;

	if (copy == NULL || path[0] != '/') {
		free(copy);
		return NULL;
	}
	while (*path != '\0') {
		size_t part;

		path += strspn(path, "/");
		part = strcspn(path, "/");
		if ((part == 1 && path[0] == '.') || (part == 2 && memcmp(path, "..", 2) == 0)) {
			free(copy);
			return NULL;
		}
		if (part > 0) {
			copy[len++] = '/';
			memcpy(copy + len, path, part);
			len += part;
		}
		path += part;
	}
	if (len == 0)
		copy[len++] = '/';
	copy[len] = '\0';
	return copy;
}

bool mount_target_is_valid(const char *target)
{
	/* What the guest's system needs for itself; mounting over it would only break it. */
	static const char *const taken[] = { "/proc", "/sys", "/dev",	"/usr",	 "/bin",
					     "/sbin", "/lib", "/lib64", "/boot", "/run/sbx" };
	autofree char *normal = normal_form(target);

	if (normal == NULL || strcmp(normal, target) != 0 || strcmp(target, "/") == 0 ||
	    strlen(target) >= PATH_MAX)
		return false;
	for (size_t i = 0; i < countof(taken); i++)
		if (is_within(target, taken[i]))
			return false;
	return strcmp(target, "/etc") != 0 && strcmp(target, "/var") != 0 &&
	       strcmp(target, "/run") != 0;
}

/* What would give a sandbox more than a workspace. */
static int check_policy(const char *source, const struct paths *paths, struct err *err)
{
	if (strcmp(source, "/") == 0)
		return err_set(err, -EINVAL,
			       "'/' would share the whole host with the sandbox; use --force if "
			       "that is really wanted");
	if (is_within(paths->home, source))
		return err_set(err, -EINVAL,
			       "'%s' %s the home directory with all its secrets; share a folder in "
			       "it, or use --force if that is really wanted",
			       source, strcmp(source, paths->home) == 0 ? "is" : "holds");
	if (is_within(source, paths->state) || is_within(paths->state, source) ||
	    is_within(source, paths->run) || is_within(paths->run, source))
		return err_set(err, -EINVAL,
			       "'%s' holds the daemon's own files; use --force if that is really "
			       "wanted",
			       source);
	return 0;
}

static int check_source(const char *source, bool read_only, struct mount *ret, struct err *err)
{
	struct stat st;

	if (stat(source, &st) < 0)
		return err_set_errno(err, -EINVAL, "cannot look at '%s'", source);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "'%s' is neither a folder nor a file", source);
	ret->is_file = S_ISREG(st.st_mode);
	if (access(source, ret->is_file ? R_OK : R_OK | X_OK) < 0)
		return err_set(err, -EINVAL, "'%s' cannot be read by this user", source);
	if (!read_only && access(source, W_OK) < 0)
		return err_set(err, -EINVAL,
			       "'%s' cannot be written by this user; share it read-only", source);
	return 0;
}

static int check_others(const struct mounts *mounts, const struct mount *mount, struct err *err)
{
	if (mounts->count == MOUNTS_MAX)
		return err_set(err, -EINVAL, "a sandbox has at most %d mounts", MOUNTS_MAX);
	for (size_t i = 0; i < mounts->count; i++)
		if (strcmp(mounts->items[i].target, mount->target) == 0)
			return err_set(err, -EINVAL, "two mounts on '%s'", mount->target);
	return 0;
}

static void mount_finish(struct mount *mount)
{
	free(mount->source);
	free(mount->target);
}

static int fill(struct mount *mount, const struct mount_request *request, const struct paths *paths,
		struct err *err)
{
	int r;

	if (request->source[0] != '/')
		return err_set(err, -EINVAL, "'%s' is not an absolute path", request->source);
	mount->source = realpath(request->source, NULL);
	if (mount->source == NULL)
		return err_set(err, -EINVAL, "cannot share '%s': %s", request->source,
			       strerror(errno));
	r = request->force ? 0 : check_policy(mount->source, paths, err);
	if (r < 0)
		return r;
	mount->target = normal_form(request->target != NULL ? request->target : request->source);
	if (mount->target == NULL || !mount_target_is_valid(mount->target))
		return err_set(err, -EINVAL,
			       "'%s' cannot be a place in the guest: an absolute path without '..' "
			       "that is not the system's own",
			       request->target != NULL ? request->target : request->source);
	mount->read_only = request->read_only;
	return check_source(mount->source, mount->read_only, mount, err);
}

int mounts_add(struct mounts *mounts, const struct mount_request *request,
	       const struct paths *paths, struct err *err)
{
	struct mount mount = { .source = NULL };
	int r = fill(&mount, request, paths, err);

	if (r == 0)
		r = check_others(mounts, &mount, err);
	if (r < 0) {
		mount_finish(&mount);
		return r;
	}
	mounts->items[mounts->count++] = mount;
	return 0;
}

int mounts_add_stored(struct mounts *mounts, const struct mount *mount)
{
	struct mount copy = *mount;

	if (mounts->count == MOUNTS_MAX)
		return -E2BIG;
	copy.source = strdup(mount->source);
	copy.target = strdup(mount->target);
	if (copy.source == NULL || copy.target == NULL) {
		mount_finish(&copy);
		return -ENOMEM;
	}
	mounts->items[mounts->count++] = copy;
	return 0;
}

void mounts_drop_last(struct mounts *mounts)
{
	if (mounts->count > 0)
		mount_finish(&mounts->items[--mounts->count]);
}

void mounts_finish(struct mounts *mounts)
{
	while (mounts->count > 0)
		mounts_drop_last(mounts);
}

int mount_open(const struct mount *mount, bool weak, int *ret_fd, struct err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (mount->is_file ? 0u : (unsigned)O_DIRECTORY),
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	autoclose int fd = (int)syscall(SYS_openat2, AT_FDCWD, mount->source, &how, sizeof(how));
	int r;

	if (fd < 0)
		return err_set_errno(err, -errno, "cannot share '%s'", mount->source);
	r = jail_confine(fd, mount->read_only, ret_fd);
	if (r < 0 && weak) {
		*ret_fd = take_fd(&fd);
		return 0;
	}
	return r < 0 ? err_set_errno(err, r,
				     "cannot share '%s' so that nothing above it is within "
				     "reach; this host must allow unprivileged user namespaces",
				     mount->source)
		     : 0;
}
