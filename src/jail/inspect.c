#include "jail/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/parse.h"

enum { PROC_FILE_MAX = 1 << 20 };

static int open_process(pid_t pid, int *ret)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*ret = fd;
	return 0;
}

static int identify_namespace(int dir, const char *path, struct stat *ret)
{
	if (fstatat(dir, path, ret, 0) == 0)
		return 0;
	return errno == ENOENT ? -ESRCH : errno == EPERM ? -EACCES : -errno;
}

static int inspect_namespaces(int process, unsigned *ret)
{
	static const struct {
		enum jail_namespace bit;
		const char *path;
	} kinds[] = {
		{ JAIL_NS_USER, "ns/user" }, { JAIL_NS_MOUNT, "ns/mnt" }, { JAIL_NS_PID, "ns/pid" },
		{ JAIL_NS_IPC, "ns/ipc" },   { JAIL_NS_UTS, "ns/uts" },	  { JAIL_NS_NET, "ns/net" },
	};
	autoclose int self = -1;
	unsigned own = 0;
	int r = open_process(getpid(), &self);

	for (size_t i = 0; r == 0 && i < countof(kinds); i++) {
		struct stat theirs, ours;

		r = identify_namespace(process, kinds[i].path, &theirs);
		if (r == 0)
			r = identify_namespace(self, kinds[i].path, &ours);
		if (r == 0 && theirs.st_ino != ours.st_ino)
			own |= kinds[i].bit;
	}
	if (r == 0)
		*ret = own;
	return r;
}

/* The text after "KEY:\t" of /proc/PID/status, up to the end of the line; NULL without it. */
static const char *status_field(const char *status, const char *key, size_t *ret_len)
{
	size_t len = strlen(key);

	for (const char *line = status; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ':') {
			line += len + 1;
			line += strspn(line, "\t ");
			*ret_len = strcspn(line, "\n");
			return line;
		}
	}
	return NULL;
}

static uint64_t status_number(const char *status, const char *key, int base)
{
	char text[32] = "";
	unsigned long long value = 0;
	size_t len;
	const char *field = status_field(status, key, &len);

	if (field == NULL || len >= sizeof(text))
		return 0;
	memcpy(text, field, len);
	(void)sscanf(text, base == 16 ? "%llx" : "%llu", &value);
	return value;
}

static int inspect_status(int process, struct jail_report *report)
{
	struct buf text;
	const char *status;
	int r;

	buf_init(&text, PROC_FILE_MAX);
	r = file_read(process, "status", &text);
	status = r == 0 ? buf_str(&text) : NULL;
	if (status != NULL) {
		report->capabilities = status_number(status, "CapEff", 16) |
				       status_number(status, "CapPrm", 16) |
				       status_number(status, "CapBnd", 16);
		report->seccomp_mode = (int)status_number(status, "Seccomp", 10);
		report->seccomp_filters = (unsigned)status_number(status, "Seccomp_filters", 10);
		report->no_new_privs = status_number(status, "NoNewPrivs", 10) != 0;
	} else if (r == 0) {
		r = -ENOMEM;
	}
	buf_finish(&text);
	return r == -ENOENT ? -ESRCH : r;
}

/*
 * One line of /proc/PID/mountinfo (proc(5)): the mount point is field 5, its
 * options are field 6, the type follows " - ".
 */
static bool is_read_only_mount(const char *line, size_t len, bool *ret_empty_root)
{
	char copy[512];
	char target[256], options[256], type[32];
	const char *dash;

	len = min_of(len, sizeof(copy) - 1);
	memcpy(copy, line, len);
	copy[len] = '\0';
	dash = strstr(copy, " - ");
	if (dash == NULL || sscanf(dash, " - %31s", type) != 1 ||
	    sscanf(copy, "%*s %*s %*s %*s %255s %255s", target, options) != 2)
		return false;
	if (strcmp(target, "/") == 0 && strcmp(type, "tmpfs") == 0)
		*ret_empty_root = true;
	return strncmp(options, "ro,", 3) == 0 || strcmp(options, "ro") == 0;
}

/*
 * A root as root_linux.c makes it: a read-only tmpfs, with nothing mounted on it
 * that could be written. What such a root may list are its binds.
 */
static int inspect_root(int process, bool *ret)
{
	struct buf text;
	const char *mounts;
	bool root = false, read_only = true;
	int r;

	buf_init(&text, PROC_FILE_MAX);
	r = file_read(process, "mountinfo", &text);
	mounts = r == 0 ? buf_str(&text) : NULL;
	while (mounts != NULL && *mounts != '\0') {
		size_t len = strcspn(mounts, "\n");

		read_only &= is_read_only_mount(mounts, len, &root);
		mounts += len + (mounts[len] == '\n');
	}
	buf_finish(&text);
	if (r == 0)
		*ret = root && read_only;
	return r == -ENOENT ? -ESRCH : r;
}

bool jail_has_landlock(const struct jail_report *report, bool serves_files)
{
	return report->seccomp_mode == 2 &&
	       jail_landlock_abi() >= (serves_files ? JAIL_LANDLOCK_TCP : 1);
}

int jail_inspect(pid_t pid, struct jail_report *ret)
{
	struct jail_report report = { .seccomp_mode = 0 };
	autoclose int process = -1;
	int r = open_process(pid, &process);

	if (r == 0)
		r = inspect_namespaces(process, &report.own_namespaces);
	if (r == 0)
		r = inspect_status(process, &report);
	if (r == 0)
		r = inspect_root(process, &report.root_is_empty);
	if (r == 0)
		*ret = report;
	return r;
}
