#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail/steps.h"

static bool filtered;

int step_seccomp(const struct sock_filter *filter, size_t len)
{
	struct sock_fprog program = {
		.len = (unsigned short)len,
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};
	long r;

	if (filter == NULL || len == 0 || len > BPF_MAXINSNS)
		return -EINVAL;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (r < 0)
		return -errno;
	filtered = r == 0;
	/* Positive: the thread that has a filter we do not descend from. */
	return filtered ? 0 : -ESRCH;
}

#ifdef __SANITIZE_ADDRESS__
/* The leak checker clones and traces at exit, which no filter of ours allows. */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return filtered;
}
#endif
