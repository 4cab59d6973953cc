#include "base/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

TEST(identifies_and_opens_this_process)
{
	struct process_id id;
	int fd = -1;

	/* a name that would confuse a careless reader of /proc/PID/stat */
	CHECK_EQ(prctl(PR_SET_NAME, "a) S 1 (b"), 0);
	CHECK_EQ(process_identify(getpid(), &id), 0);
	CHECK_EQ(id.pid, getpid());
	CHECK_EQ(process_open(&id, &fd), 0);
	(void)close(fd);
	id.start_ticks++;
	CHECK_EQ(process_open(&id, &fd), -ESRCH);
}

TEST(a_dead_child_is_nobody)
{
	struct process_id id;
	struct pollfd end;
	pid_t child = fork();
	int fd;

	if (child == 0) {
		(void)pause();
		_exit(0);
	}
	CHECK_EQ(process_identify(child, &id), 0);
	CHECK_EQ(process_open(&id, &fd), 0);
	CHECK_EQ(kill(child, SIGKILL), 0);
	end = (struct pollfd){ .fd = fd, .events = POLLIN };
	CHECK_EQ(poll(&end, 1, 10000), 1);
	(void)close(fd);
	/* a zombie still has a pid, and is nobody all the same */
	CHECK_EQ(process_open(&id, &fd), -ESRCH);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	CHECK_EQ(process_identify(child, &id), -ESRCH);
}

TEST_MAIN()
