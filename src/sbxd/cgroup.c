#include "sbxd/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/name.h"

enum { TEXT_MAX = 65536, MOVES_MAX = 64, FOLDER_SIZE = NAME_SIZE + 8 };

static const char daemon_folder[] = "daemon";

/* Where version 2 is mounted: alone, or beside version 1. */
static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

/* cgroupfs takes a value as one write to a file that is there. */
static int put(int cgroup, const char *file, const char *value)
{
	autoclose int fd = openat(cgroup, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

char *cgroup_parse(char *text)
{
	char *line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	char *slash;

	if (line == NULL)
		return NULL;
	line = strchr(line, '/');
	line[strcspn(line, "\n")] = '\0';
	slash = strrchr(line, '/');
	if (strcmp(slash + 1, daemon_folder) == 0)
		*slash = '\0';
	return line;
}

/* The folder of the cgroup that may have been delegated to us; -1 when there is none. */
static int open_own(void)
{
	autocall(buf_finish) struct buf text = { 0 };
	const char *own = NULL;
	struct statfs fs;

	buf_init(&text, TEXT_MAX);
	if (file_read(AT_FDCWD, "/proc/self/cgroup", &text) == 0 && buf_str(&text) != NULL)
		own = cgroup_parse((char *)text.data);
	for (size_t i = 0; own != NULL && i < countof(roots); i++) {
		char path[4096];
		int len = snprintf(path, sizeof(path), "%s%s", roots[i], own);

		if (statfs(roots[i], &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC &&
		    (size_t)len < sizeof(path))
			return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return -1;
}

static bool is_delegated(int cgroup)
{
	char value[2];

	return fgetxattr(cgroup, "user.delegate", value, sizeof(value)) == 1 && value[0] == '1';
}

static int make_folder(int parent, const char *name, int *ret_fd)
{
	int fd;

	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* One process that is in `from`, of which 0 are left at last; who ended meanwhile is gone, too. */
static int move_one(int from, int to)
{
	autocall(buf_finish) struct buf pids = { 0 };
	int r;

	buf_init(&pids, TEXT_MAX);
	r = file_read(from, "cgroup.procs", &pids);
	if (r < 0 || pids.len == 0)
		return r;
	if (buf_str(&pids) == NULL)
		return -ENOMEM;
	pids.data[strcspn((char *)pids.data, "\n")] = '\0';
	r = put(to, "cgroup.procs", (char *)pids.data);
	return r < 0 && r != -ESRCH ? r : 1;
}

static int move_all(int from, int to)
{
	int r = 1;

	for (unsigned i = 0; r == 1 && i < MOVES_MAX; i++)
		r = move_one(from, to);
	return r == 1 ? -EBUSY : r;
}

int cgroup_take(struct err *err)
{
	autoclose int own = open_own();
	autoclose int daemon = -1;
	int r;

	if (own < 0 || !is_delegated(own))
		return 0;
	r = make_folder(own, daemon_folder, &daemon);
	if (r == 0)
		r = move_all(own, daemon);
	if (r < 0)
		return err_set_errno(err, r, "cannot use the cgroup that was delegated");
	/* Either may be missing, on the host or in what was delegated. */
	(void)put(own, "cgroup.subtree_control", "+memory");
	(void)put(own, "cgroup.subtree_control", "+pids");
	return take_fd(&own);
}

static int put_limit(int cgroup, const char *file, uint64_t limit)
{
	char text[24];
	int r;

	(void)snprintf(text, sizeof(text), "%" PRIu64, limit);
	r = put(cgroup, file, text);
	return r == -ENOENT ? 0 : r;
}

static void folder_name(const char *sandbox, char ret[static FOLDER_SIZE])
{
	(void)snprintf(ret, FOLDER_SIZE, "sandbox-%s", sandbox);
}

int cgroup_make(int delegated, const char *sandbox, const struct cgroup_limits *limits, int *ret_fd,
		struct err *err)
{
	char name[FOLDER_SIZE];
	autoclose int cgroup = -1;
	int r;

	folder_name(sandbox, name);
	r = make_folder(delegated, name, &cgroup);
	if (r == 0)
		r = put_limit(cgroup, "memory.max", limits->memory_bytes);
	if (r == 0)
		r = put_limit(cgroup, "pids.max", limits->processes);
	if (r < 0)
		return err_set_errno(err, r, "cannot make the cgroup of sandbox '%s'", sandbox);
	*ret_fd = take_fd(&cgroup);
	return 0;
}

int cgroup_add(int cgroup, pid_t pid)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	return put(cgroup, "cgroup.procs", text);
}

void cgroup_remove(int delegated, const char *sandbox)
{
	char name[FOLDER_SIZE];

	folder_name(sandbox, name);
	if (delegated > 0)
		(void)unlinkat(delegated, name, AT_REMOVEDIR);
}
