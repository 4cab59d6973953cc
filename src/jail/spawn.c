/*
 * The gate is one socket pair. The parent's end is spawned.gate; the child's is
 * close-on-exec. One byte from the parent lets the child pass; the child says
 * why it failed (struct spawn_failure), and a successful exec closes its end.
 * The parent's death closes the other, at which the child exits.
 */
#include "jail/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "jail/clone.h"
#include "jail/spawn_child.h"

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

static int clone_child(const struct spawn_plan *plan, uint64_t namespaces, pid_t *ret_pid,
		       int *ret_pidfd)
{
	pid_t pid = jail_clone(namespaces, SIGCHLD, ret_pidfd);

	if (pid == 0)
		spawn_child(plan);
	if (pid < 0)
		return pid;
	*ret_pid = pid;
	return 0;
}

static int start_child(struct spawn_plan *plan, struct spawned *child, struct err *err)
{
	const char *program = plan->config->program;
	uint64_t namespaces = NAMESPACES | (plan->config->network ? 0 : CLONE_NEWNET);
	pid_t pid = -1;
	int r;

	plan->own_namespaces = true;
	r = clone_child(plan, namespaces, &pid, &child->pidfd);
	if (r < 0 && plan->config->weak) {
		plan->own_namespaces = false;
		r = clone_child(plan, 0, &pid, &child->pidfd);
	}
	if (r < 0)
		return err_set_errno(err, r,
				     "cannot start '%s' in namespaces of its own; this host must "
				     "allow unprivileged user namespaces",
				     program);
	r = process_identify(pid, &child->id);
	/* It may have failed and ended by now: the gate knows why. */
	if (r == -ESRCH)
		child->id = (struct process_id){ .pid = pid };
	return r == 0 || r == -ESRCH
		       ? 0
		       : err_set_errno(err, r, "cannot read /proc/%d of '%s'", pid, program);
}

static int check_count(const struct spawn_config *config, struct err *err)
{
	if (config->fds_count > SPAWN_FDS_MAX)
		return err_set(err, -EINVAL, "'%s' cannot be given %zu descriptors",
			       config->program, config->fds_count);
	return 0;
}

static int open_null(int *ret, struct err *err)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, -errno, "cannot open /dev/null");
	*ret = fd;
	return 0;
}

int jail_spawn(const struct spawn_config *config, struct spawned *ret, struct err *err)
{
	struct spawn_plan plan = { .config = config };
	struct spawned child = { .pidfd = -1, .gate = -1 };
	autoclose int program = open(config->program, O_PATH | O_CLOEXEC);
	autoclose int null = -1, far = -1;
	int gate[2], r;

	if (program < 0)
		return err_set_errno(err, -errno, "cannot open the program '%s'", config->program);
	r = check_count(config, err);
	if (r == 0)
		r = open_null(&null, err);
	if (r < 0)
		return r;
	r = fd_socketpair(gate);
	if (r < 0)
		return err_set_errno(err, r, "cannot make a gate for '%s'", config->program);
	child.gate = gate[0];
	far = gate[1];
	plan.program = program;
	plan.null = null;
	plan.gate = far;
	(void)snprintf(plan.uid_map, sizeof(plan.uid_map), "%u %u 1", geteuid(), geteuid());
	(void)snprintf(plan.gid_map, sizeof(plan.gid_map), "%u %u 1", getegid(), getegid());
	r = start_child(&plan, &child, err);
	if (r < 0) {
		spawned_finish(&child);
		return r;
	}
	*ret = child;
	return 0;
}

int jail_spawn_release(struct spawned *child, struct err *err)
{
	struct spawn_failure failure;
	ssize_t n;

	/* When it ended already the byte goes nowhere, but its last words can be read. */
	(void)send(child->gate, "", 1, MSG_NOSIGNAL);
	n = fd_read_full(child->gate, &failure, sizeof(failure));
	if (n == sizeof(failure))
		return err_set_errno(err, failure.code, "process %d: cannot %s", child->id.pid,
				     spawn_step_name(failure.step));
	if (n < 0)
		return err_set_errno(err, (int)n, "process %d did not start", child->id.pid);
	(void)close(take_fd(&child->gate));
	return 0;
}

/* A child whose gate is open never executed its program and ends now; nobody else waits for it. */
void spawned_finish(struct spawned *child)
{
	if (child == NULL)
		return;
	if (child->gate >= 0) {
		(void)close(take_fd(&child->gate));
		if (child->pidfd >= 0)
			(void)waitid(P_PIDFD, (id_t)child->pidfd, &(siginfo_t){ 0 }, WEXITED);
	}
	if (child->pidfd >= 0)
		(void)close(take_fd(&child->pidfd));
}
