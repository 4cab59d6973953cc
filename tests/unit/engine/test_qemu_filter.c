/* What the filter below QEMU's own lets QEMU be: threads of one process, and no more. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "jail/steps.h"
#include "seccomp_qemu.h"
#include "tests/unit/test.h"

enum { NOT_FILTERED = 99 };

/* Does it below the filter; its result, or minus the signal that ended it. */
static int below_filter(int (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (step_no_new_privs() < 0 ||
		    step_seccomp(seccomp_qemu, countof(seccomp_qemu)) < 0)
			_exit(NOT_FILTERED);
		_exit(act());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return NOT_FILTERED;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void *nothing(void *argument)
{
	return argument;
}

static int make_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	return r != 0 ? r : pthread_join(thread, NULL);
}

/* A process and not a thread: whatever its flags. */
static int make_process(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0) < 0 ? errno : 0;
}

static int make_sharing_process(void)
{
	return syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0) < 0 ? errno
											     : 0;
}

static int make_process_by_struct(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	return syscall(SYS_clone3, &args, sizeof(args)) < 0 ? errno : 0;
}

static int fork_plainly(void)
{
	return syscall(SYS_fork) < 0 ? errno : 0;
}

static int open_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

TEST(it_may_have_threads)
{
	CHECK_EQ(below_filter(make_thread), 0);
}

TEST(v14_it_may_have_no_children)
{
	CHECK_EQ(below_filter(make_process), -SIGSYS);
	CHECK_EQ(below_filter(make_sharing_process), -SIGSYS);
	CHECK_EQ(below_filter(make_process_by_struct), ENOSYS);
	CHECK_EQ(below_filter(fork_plainly), -SIGSYS);
}

TEST(v14_it_gets_no_socket_of_the_internet)
{
	CHECK_EQ(below_filter(open_socket), EPERM);
}

TEST_MAIN()
