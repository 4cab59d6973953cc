#include "sbx-init/shutdown.h"

#include <errno.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sbx-init/disks.h"

enum { ASK_MS = 4000, KILL_MS = 1000 };

/* Reaps until nobody is left or time is up. SIGCHLD is blocked, so that it can be waited for. */
static bool all_gone_within(unsigned ms)
{
	uint64_t deadline = clock_now_ms() + ms;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;) {
		struct timespec left;
		int left_ms;
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return true;
		left_ms = clock_left_ms(deadline);
		if (left_ms == 0)
			return false;
		left = (struct timespec){ .tv_sec = left_ms / 1000,
					  .tv_nsec = left_ms % 1000 * 1000000L };
		(void)sigtimedwait(&set, NULL, &left);
	}
}

/*
 * Linux powers off through ACPI; on a machine without it, it would halt and the
 * VM would stay. There a reset ends the VM.
 */
static bool can_power_off(void)
{
	return access("/sys/firmware/acpi", F_OK) == 0;
}

void shutdown_machine(const int *disks, size_t disks_count, bool reboot_machine)
{
	/* Shells and sessions end on hang-up, stopped processes must run to do so. */
	(void)kill(-1, SIGTERM);
	(void)kill(-1, SIGHUP);
	(void)kill(-1, SIGCONT);
	if (!all_gone_within(ASK_MS)) {
		(void)kill(-1, SIGKILL);
		(void)all_gone_within(KILL_MS);
	}
	disks_freeze(disks, disks_count);
	(void)reboot(reboot_machine || !can_power_off() ? RB_AUTOBOOT : RB_POWER_OFF);
	for (;;)
		(void)pause();
}
