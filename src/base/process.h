/*
 * Processes that outlive their parent. A pid alone may be reused; a pid with
 * its start time names one process for as long as the machine is up.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct process_id {
	pid_t pid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat, clock ticks since boot */
};

/* The identity of a living process; -ESRCH when there is none. */
int process_identify(pid_t pid, struct process_id *ret);

/*
 * A pidfd of exactly that process, close-on-exec; -ESRCH when it is gone,
 * also when its pid belongs to another one by now or it is a zombie.
 */
int process_open(const struct process_id *id, int *ret_pidfd);

#endif
