#include "jail/clone.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t jail_clone(uint64_t namespaces, int exit_signal, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = { .flags = namespaces | CLONE_PIDFD,
				   .pidfd = (uintptr_t)&pidfd,
				   .exit_signal = (uint64_t)exit_signal };
	sigset_t all, before;
	pid_t pid;
	int code;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	code = errno;
	if (pid == 0)
		return 0;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return -code;
	*ret_pidfd = pidfd;
	return pid;
}
