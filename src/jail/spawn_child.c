#include "jail/spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "jail/spawn.h"
#include "jail/steps.h"

enum { FIRST_FD = 3, FOREIGN_FILES_MAX = 4096 };

struct child {
	const struct spawn_plan *plan;
	const struct spawn_config *config;
	int program, gate; /* moved above the descriptors that the program gets */
};

/* All dispositions as at boot; the mask follows right before exec. */
static int reset_signals(struct child *child)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	(void)child;
	/* Refused for KILL, STOP and libc's own, which are at their default anyhow. */
	for (int number = 1; number < NSIG; number++)
		(void)sigaction(number, &action, NULL);
	return 0;
}

static int write_text(const char *path, const char *text)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* The files below /proc/self are root's while a process cannot be dumped, as our parent may be. */
static int own_proc_files(struct child *child)
{
	(void)child;
	return prctl(PR_SET_DUMPABLE, 1) < 0 ? -errno : 0;
}

/* user_namespaces(7): without privilege setgroups is given up first. */
static int map_ids(struct child *child)
{
	int r;

	if (!child->plan->own_namespaces)
		return 0;
	r = write_text("/proc/self/setgroups", "deny");
	if (r == 0)
		r = write_text("/proc/self/uid_map", child->plan->uid_map);
	return r == 0 ? write_text("/proc/self/gid_map", child->plan->gid_map) : r;
}

/*
 * In a user namespace below this one a program would have all capabilities again, and a
 * mount table to play with. seccomp kills who asks for one; this holds without it.
 * Hosts that keep /proc/sys read-only do without.
 */
static int forbid_namespaces(struct child *child)
{
	if (child->plan->own_namespaces)
		(void)write_text("/proc/sys/user/max_user_namespaces", "0");
	return 0;
}

static int new_session(struct child *child)
{
	(void)child;
	return setsid() < 0 ? -errno : 0;
}

static int move_above(int *fd, int least)
{
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, least);

	if (moved < 0)
		return -errno;
	*fd = moved;
	return 0;
}

static int place(int from, int to)
{
	return dup2(from, to) < 0 ? -errno : 0;
}

/* Closes all from least on but the program and the gate. */
static int close_others(const struct child *child, int least)
{
	unsigned low = (unsigned)min_of(child->program, child->gate);
	unsigned high = (unsigned)max_of(child->program, child->gate);

	if (low > (unsigned)least && close_range((unsigned)least, low - 1, 0) < 0)
		return -errno;
	if (high > low + 1 && close_range(low + 1, high - 1, 0) < 0)
		return -errno;
	return close_range(high + 1, ~0U, 0) < 0 ? -errno : 0;
}

/*
 * Any source may have the number of any target, so all are moved above the
 * targets first. What is left is closed now, not at exec: the parent's end of
 * another child's gate among it would keep that gate from breaking.
 */
static int place_descriptors(struct child *child)
{
	const struct spawn_config *config = child->config;
	int least = FIRST_FD + (int)config->fds_count;
	int null = child->plan->null;
	int out = config->stdout_fd >= 0 ? config->stdout_fd : null;
	int moved[SPAWN_FDS_MAX];
	int r = move_above(&child->program, least);

	if (r == 0)
		r = move_above(&child->gate, least);
	if (r == 0)
		r = move_above(&null, least);
	if (r == 0)
		r = move_above(&out, least);
	for (size_t i = 0; r == 0 && i < config->fds_count; i++) {
		moved[i] = config->fds[i];
		r = move_above(&moved[i], least);
	}
	for (size_t i = 0; r == 0 && i < config->fds_count; i++)
		r = place(moved[i], FIRST_FD + (int)i);
	if (r == 0)
		r = place(null, STDIN_FILENO);
	if (r == 0)
		r = place(out, STDOUT_FILENO);
	if (r == 0)
		r = place(out, STDERR_FILENO);
	return r == 0 ? close_others(child, least) : r;
}

/*
 * For a program of ours: exec as an ordinary user would drop the capabilities
 * that it has over its own namespaces. The two that jail_enter() needs pass as
 * ambient ones, and it drops them.
 */
static int keep_jail_capabilities(struct child *child)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	static const unsigned long kept[] = { CAP_SYS_ADMIN, CAP_SETPCAP };

	if (child->config->binds != NULL || !child->plan->own_namespaces)
		return 0;
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (size_t i = 0; i < countof(kept); i++)
		data[kept[i] / 32].inheritable |= 1U << (kept[i] % 32);
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	for (size_t i = 0; i < countof(kept); i++) {
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept[i], 0, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Never without own namespaces: it would be the host's root. */
static int outer_root(struct child *child)
{
	if (child->config->binds == NULL)
		return 0;
	return child->plan->own_namespaces ? step_root_binds(child->config->binds) : -EPERM;
}

static int outer_limits(struct child *child)
{
	return child->config->binds == NULL ? 0 : step_limits(FOREIGN_FILES_MAX, 0);
}

static int outer_capabilities(struct child *child)
{
	return child->config->binds == NULL ? 0 : step_capabilities();
}

static int outer_no_new_privs(struct child *child)
{
	return child->config->binds == NULL ? 0 : step_no_new_privs();
}

/* Without own namespaces the targets are not in place: nothing to be allowed by name. */
static int outer_landlock(struct child *child)
{
	if (child->config->binds == NULL)
		return 0;
	return child->plan->own_namespaces
		       ? step_landlock(child->config->network ? LANDLOCK_LEAVES_BINDS_NETWORK
							      : LANDLOCK_LEAVES_BINDS,
				       child->config->binds)
		       : -EPERM;
}

/* Held until jail_spawn_release(); end of file means that nobody will ever know of us. */
static int wait_at_gate(struct child *child)
{
	ssize_t n;
	char byte;

	do
		n = read(child->gate, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 1 ? 0 : -ECANCELED;
}

static int outer_seccomp(struct child *child)
{
	if (child->config->filter == NULL)
		return 0;
	return step_seccomp(child->config->filter, child->config->filter_len);
}

/* The environment is empty: what sbxd was started with is nobody's business. */
static int exec_program(struct child *child)
{
	static char *const empty[] = { NULL };
	char *const *given = child->config->environment;
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)syscall(SYS_execveat, child->program, "", child->config->argv,
		      given != NULL ? given : empty, AT_EMPTY_PATH);
	return -errno;
}

static const struct {
	const char *name;
	int (*run)(struct child *child);
	bool optional; /* skipped when it fails and the jail may be weak */
} steps[] = {
	{ "reset its signals", reset_signals, false },
	{ "own its files in /proc", own_proc_files, false },
	{ "map its user and group", map_ids, false },
	{ "forbid it further namespaces", forbid_namespaces, false },
	{ "start a session for it", new_session, false },
	{ "place its descriptors", place_descriptors, false },
	{ "keep the capabilities that its jail needs", keep_jail_capabilities, true },
	{ "make a root that holds only what it needs", outer_root, true },
	{ "limit its resources", outer_limits, true },
	{ "drop its capabilities", outer_capabilities, true },
	{ "set no_new_privs for it", outer_no_new_privs, true },
	{ "use landlock for it", outer_landlock, true },
	{ "let it go on", wait_at_gate, false },
	{ "set its seccomp filter", outer_seccomp, true },
	{ "execute it", exec_program, false },
};

const char *spawn_step_name(uint32_t step)
{
	return step < countof(steps) ? steps[step].name : "start it";
}

void spawn_child(const struct spawn_plan *plan)
{
	struct child child = {
		.plan = plan, .config = plan->config, .program = plan->program, .gate = plan->gate
	};

	for (uint32_t i = 0; i < countof(steps); i++) {
		int r = steps[i].run(&child);

		if (r < 0 && !(steps[i].optional && plan->config->weak)) {
			struct spawn_failure failure = { .step = i, .code = r };

			(void)send(child.gate, &failure, sizeof(failure), MSG_NOSIGNAL);
			break;
		}
	}
	_exit(127);
}
