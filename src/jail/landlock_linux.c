/*
 * Landlock (Documentation/userspace-api/landlock.rst): a second lock on what
 * the empty root, the network namespace and the seccomp filter already forbid,
 * should one of them fail.
 *
 * The right set grows with the kernel's ABI; ours shrinks to what it knows and
 * never below ABI 1. Rights are checked when a path is opened or changed;
 * descriptors from before, or sent to us, stay as they are. A guest's
 * files are opened by path from such descriptors, though, and mounts may be
 * added at any time, while a ruleset can never be widened: renaming from one folder
 * to another is refused as soon as any right to files is handled, but for folders
 * that a rule names. So for sbx-fs (LEAVES_FILES) no right to files is handled; what
 * it may do with them is a matter of the mounts that it gets (confine.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "jail/inspect.h"
#include "jail/spawn.h"
#include "jail/steps.h"

/* <linux/landlock.h> of Debian 12 ends at ABI 2. */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped;	     /* ABI 6 */
};

#define FS_ABI1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define NET_TCP 3ULL		  /* BIND_TCP, CONNECT_TCP */
#define SCOPES 3ULL		  /* abstract Unix sockets, signals */
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define FS_READ_BELOW (FS_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE_BELOW                                                    \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |     \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |    \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE)
#define FS_DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

int jail_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? -EOPNOTSUPP : (int)abi;
}

static uint64_t fs_rights(int abi)
{
	uint64_t rights = FS_ABI1;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

static struct ruleset ruleset_for(int abi, enum landlock_leaves leaves)
{
	struct ruleset ruleset = { .handled_access_fs = fs_rights(abi) };

	if (leaves == LANDLOCK_LEAVES_FILES)
		ruleset.handled_access_fs = 0;
	if (abi >= JAIL_LANDLOCK_TCP && leaves != LANDLOCK_LEAVES_NETWORK &&
	    leaves != LANDLOCK_LEAVES_BINDS_NETWORK)
		ruleset.handled_access_net = NET_TCP;
	if (abi >= 6)
		ruleset.scoped = SCOPES;
	return ruleset;
}

static int allow_beneath(int rules, int parent, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = parent };

	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
		       ? -errno
		       : 0;
}

static int allow_bind(int rules, const struct jail_bind *bind, uint64_t handled)
{
	autoclose int fd = open(bind->target, O_PATH | O_CLOEXEC);
	uint64_t rights = FS_READ;
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return -errno;
	if (S_ISDIR(stat.st_mode) && bind->writable)
		rights = FS_WRITE_BELOW;
	else if (S_ISDIR(stat.st_mode))
		rights = FS_READ_BELOW;
	else if (S_ISCHR(stat.st_mode))
		rights = FS_DEVICE | FS_IOCTL_DEV;
	return allow_beneath(rules, fd, rights & handled);
}

static int add_rules(int rules, enum landlock_leaves leaves, const struct jail_bind *binds,
		     uint64_t handled)
{
	int r = 0;

	switch (leaves) {
	case LANDLOCK_LEAVES_NOTHING:
	case LANDLOCK_LEAVES_NETWORK:
	case LANDLOCK_LEAVES_FILES:
		break;
	case LANDLOCK_LEAVES_BINDS:
	case LANDLOCK_LEAVES_BINDS_NETWORK:
		for (; r == 0 && binds->source != NULL; binds++)
			r = allow_bind(rules, binds, handled);
		break;
	}
	return r;
}

int step_landlock(enum landlock_leaves leaves, const struct jail_bind *binds)
{
	struct ruleset ruleset;
	autoclose int rules = -1;
	int abi = jail_landlock_abi();
	int r;

	if (abi < 0)
		return abi;
	ruleset = ruleset_for(abi, leaves);
	if (ruleset.handled_access_fs == 0 && ruleset.handled_access_net == 0)
		return 0; /* sbx-fs, on a kernel that rules files only */
	rules = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
	if (rules < 0)
		return -errno;
	r = add_rules(rules, leaves, binds, ruleset.handled_access_fs);
	if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		r = -errno;
	return r;
}
