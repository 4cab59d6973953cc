/*
 * `sbxd --detach`: the daemon goes to the background, and the command waits
 * until a daemon answers on the socket, whoever started it.
 */
#ifndef SBXD_DETACH_H
#define SBXD_DETACH_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct paths;

/*
 * Returns in the background process with *ret_ready_fd, to which one byte is
 * written once the socket listens. The command itself exits in here: 0 when the
 * daemon is ready, 1 when it ended before.
 */
int detach(const struct paths *paths, int *ret_ready_fd, struct err *err);

/*
 * When another daemon holds the state: exits when it answers, and returns after a moment when it
 * does not, so that the lock is tried again; false when the deadline came.
 */
bool detach_await_other(const struct paths *paths, uint64_t deadline_ms);

#endif
