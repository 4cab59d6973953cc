#include "sbx/interrupt.h"

#include <stddef.h>

bool interrupt_is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void interrupt_hold(sigset_t *before)
{
	sigset_t held;

	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGINT);
	(void)sigaddset(&held, SIGTERM);
	if (!interrupt_is_ignored(SIGHUP))
		(void)sigaddset(&held, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &held, before);
}

bool interrupt_pending(void)
{
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return false;
	return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
	       sigismember(&pending, SIGHUP) == 1;
}

void interrupt_release(const sigset_t *before)
{
	(void)sigprocmask(SIG_SETMASK, before, NULL);
}
