#include "engine/end.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "engine/engine.h"

int engine_end(const struct engine_vm *vm, const char *name, struct err *err)
{
	autoclose int pidfd = -1;
	int r = process_open(&vm->process, &pidfd);

	if (r == -ESRCH)
		return 0;
	if (r == 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		r = -errno;
	return r < 0 ? err_set_errno(err, r, "cannot end %s", name) : 0;
}
