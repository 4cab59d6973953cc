/*
 * A copy of this process, as fork() makes one, in new namespaces at once and with a
 * descriptor that can never name another process.
 *
 * This process may have other threads, so the copy calls only what is async-signal-safe.
 * All signals are blocked in it: no handler of ours runs there.
 */
#ifndef JAIL_CLONE_H
#define JAIL_CLONE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * 0 in the copy; in this process its pid and *ret_pidfd (owned), or -errno. namespaces: CLONE_NEW*
 * of clone(2). exit_signal: what tells of its end, 0 for nothing; then only waitid(__WALL) reaps
 * it.
 */
pid_t jail_clone(uint64_t namespaces, int exit_signal, int *ret_pidfd);

#endif
