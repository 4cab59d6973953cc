#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "sbxd/guest.h"
#include "sbxd/run.h"
#include "sbxd/sandbox.h"

enum { KILL_MS = 5000, ASK_MS = 2000 };

/* Waits until the process ended and takes it off the table of processes. */
static bool await_end(int pidfd, uint64_t deadline_ms)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	siginfo_t info;

	if (poll(&poll_fd, 1, clock_left_ms(deadline_ms)) <= 0)
		return false;
	/* ECHILD: adopted, so somebody else's to reap. */
	(void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
	return true;
}

void run_kill(struct run *run)
{
	uint64_t deadline_ms = clock_now_ms() + KILL_MS;

	for (int i = 0; i < RUN_ROLES; i++)
		if (run->pidfds[i] >= 0)
			(void)syscall(SYS_pidfd_send_signal, run->pidfds[i], SIGKILL, NULL, 0);
	for (int i = 0; i < RUN_ROLES; i++)
		if (run->pidfds[i] >= 0)
			(void)await_end(run->pidfds[i], deadline_ms);
}

/* The guest answers by ending the VM, not by a message. */
static bool ask_to_shut_down(struct sandbox *sandbox, uint64_t deadline_ms)
{
	struct guest_message request = { .type = GUEST_SHUTDOWN };
	struct err ignored = ERR_INIT;
	autoclose int fd = -1;
	struct stream stream;
	int r = guest_connect(sandbox->vsock_path, false, deadline_ms, &fd, &ignored);

	if (r < 0)
		return false;
	stream_init(&stream, fd);
	r = guest_message_append(&stream.out, &request);
	if (r == 0)
		r = stream_write(&stream, deadline_ms);
	stream_finish(&stream);
	return r == 0;
}

void run_stop(struct sandbox *sandbox, struct run *run, unsigned timeout_s)
{
	uint64_t now_ms = clock_now_ms();

	if (timeout_s > 0 && ask_to_shut_down(sandbox, now_ms + ASK_MS))
		(void)await_end(run->pidfds[RUN_ENGINE], now_ms + timeout_s * 1000ull);
	run_kill(run);
}
