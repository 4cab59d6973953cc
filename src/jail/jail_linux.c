/*
 * Order matters: namespaces are looked at while /proc is there; the root needs
 * CAP_SYS_ADMIN and goes before the capabilities; landlock and seccomp need
 * no_new_privs; seccomp is last because it forbids what the others do.
 *
 * A jailed process is pid 1 of its pid namespace: signals without a handler,
 * SIGTERM too, do not reach it. It ends by itself when its socket closes, or by
 * SIGKILL from outside.
 */
#include "jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "jail/steps.h"

enum { SPARE_FILES = 16 };

/* A user namespace of one process maps one id: "INSIDE OUTSIDE 1\n" and no more. */
static int own_user_namespace(void)
{
	autoclose int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = fd_read_full(fd, text, sizeof(text));
	if (len < 0)
		return (int)len;
	return len > 2 && memcmp(text + len - 2, "1\n", 2) == 0 && text[len - 3] == ' ' &&
			       memchr(text, '\n', (size_t)len) == text + len - 1
		       ? 0
		       : -EPERM;
}

/* Whether the namespace at path was made by our own user namespace. */
static int owned_namespace(const char *path, const struct stat *user)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autoclose int owner = -1;
	struct stat stat;

	if (fd < 0)
		return -errno;
	owner = ioctl(fd, NS_GET_USERNS);
	if (owner < 0 || fstat(owner, &stat) < 0)
		return -errno;
	return stat.st_ino == user->st_ino && stat.st_dev == user->st_dev ? 0 : -EPERM;
}

int step_namespaces(bool network)
{
	static const char *const paths[] = {
		"/proc/self/ns/mnt",
		"/proc/self/ns/pid",
		"/proc/self/ns/ipc",
		"/proc/self/ns/uts",
	};
	struct stat user;
	int r, own_network;

	if (getpid() != 1)
		return -EPERM;
	if (stat("/proc/self/ns/user", &user) < 0)
		return -errno;
	r = own_user_namespace();
	for (size_t i = 0; r == 0 && i < countof(paths); i++)
		r = owned_namespace(paths[i], &user);
	if (r < 0)
		return r;
	own_network = owned_namespace("/proc/self/ns/net", &user);
	if (!network)
		return own_network;
	return own_network == 0 ? -EPERM : 0;
}

int step_descriptors(unsigned first)
{
	return close_range(first, ~0U, 0) < 0 ? -errno : 0;
}

static int limit(int resource, uint64_t value)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return -errno;
	limit.rlim_max = min_of(limit.rlim_max, value);
	limit.rlim_cur = limit.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

/* Not the size of files (disk images are large), nor processes: the filter rules clone. */
int step_limits(uint64_t max_files, uint64_t max_locked_bytes)
{
	int r = limit(RLIMIT_CORE, 0);

	if (r == 0)
		r = limit(RLIMIT_MEMLOCK, max_locked_bytes);
	if (r == 0)
		r = limit(RLIMIT_MSGQUEUE, 0);
	return r == 0 ? limit(RLIMIT_NOFILE, max_files) : r;
}

static int drop_bounding(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

/* capabilities(7): uid 0 gives nothing any more, and nothing can be raised again. */
static int lock_securebits(void)
{
	unsigned long bits = SECURE_ALL_BITS | SECURE_ALL_LOCKS;

	bits &= ~(unsigned long)SECBIT_KEEP_CAPS;
	return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 ? -errno : 0;
}

int step_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
	int r = drop_bounding();

	if (r == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = lock_securebits();
	/* Also when a step before failed: what can be given up is given up. */
	if (syscall(SYS_capset, &header, none) < 0 && r == 0)
		r = -errno;
	return r;
}

int step_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

struct entry {
	const struct jail_config *config;
	bool own; /* namespaces are ours */
};

static int enter_namespaces(struct entry *entry)
{
	int r = step_namespaces(entry->config->network);

	entry->own = r == 0;
	return r;
}

static int enter_descriptors(struct entry *entry)
{
	return step_descriptors((unsigned)entry->config->keep_fds);
}

/* Without a mount namespace of our own this would be the host's root. */
static int enter_root(struct entry *entry)
{
	return entry->own ? step_root_empty() : -EPERM;
}

static int enter_limits(struct entry *entry)
{
	uint64_t files = entry->config->max_files;

	return step_limits(files > 0 ? files : (uint64_t)entry->config->keep_fds + SPARE_FILES,
			   entry->config->max_locked_bytes);
}

static int enter_capabilities(struct entry *entry)
{
	(void)entry;
	return step_capabilities();
}

static int enter_no_new_privs(struct entry *entry)
{
	(void)entry;
	return step_no_new_privs();
}

static enum landlock_leaves leaves_of(const struct jail_config *config)
{
	if (config->serves_files)
		return LANDLOCK_LEAVES_FILES;
	return config->network ? LANDLOCK_LEAVES_NETWORK : LANDLOCK_LEAVES_NOTHING;
}

static int enter_landlock(struct entry *entry)
{
	return step_landlock(leaves_of(entry->config), NULL);
}

static int enter_seccomp(struct entry *entry)
{
	return step_seccomp(entry->config->filter, entry->config->filter_len);
}

static const struct {
	enum jail_step bit;
	int (*run)(struct entry *entry);
	const char *sentence; /* after "NAME " and before ": errno" */
} entry_steps[] = {
	{ JAIL_NAMESPACES, enter_namespaces,
	  "has no namespaces of its own; allow user namespaces on this host, and start it by "
	  "sbxd" },
	{ JAIL_DESCRIPTORS, enter_descriptors, "cannot close the descriptors it was not given" },
	{ JAIL_ROOT, enter_root, "cannot make its root empty" },
	{ JAIL_LIMITS, enter_limits, "cannot set its resource limits" },
	{ JAIL_CAPABILITIES, enter_capabilities, "cannot drop all capabilities" },
	{ JAIL_NO_NEW_PRIVS, enter_no_new_privs, "cannot set no_new_privs" },
	{ JAIL_LANDLOCK, enter_landlock,
	  "cannot use landlock; the kernel needs it built in and listed in lsm=" },
	{ JAIL_SECCOMP, enter_seccomp, "cannot set its seccomp filter" },
};

int jail_enter(const struct jail_config *config, unsigned *ret_skipped, struct err *err)
{
	struct entry entry = { .config = config };
	unsigned skipped = 0;

	/* Started from a descriptor, the process would be called by its number. */
	(void)prctl(PR_SET_NAME, config->name, 0, 0, 0);
	for (size_t i = 0; i < countof(entry_steps); i++) {
		int r = entry_steps[i].run(&entry);

		if (r == 0)
			continue;
		if (!config->weak)
			return err_set_errno(err, r, "%s %s (--allow-weak-jail goes on without)",
					     config->name, entry_steps[i].sentence);
		skipped |= entry_steps[i].bit;
	}
	*ret_skipped = skipped;
	return 0;
}
