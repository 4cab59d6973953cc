/*
 * When a sandbox is idle: nobody attached, no detached command running, and
 * not asked to stay. IDLE_MS after it became so it may be stopped.
 */
#ifndef SBXD_IDLE_H
#define SBXD_IDLE_H

#include <stdbool.h>
#include <stdint.h>

enum { IDLE_MS = 30000 };

struct idle {
	uint64_t since_ms; /* of clock_now_ms(); meaningful while is_idle */
	bool is_idle;
};

/* Takes what is known now; the clock starts when the last reason to stay goes. */
void idle_update(struct idle *idle, unsigned sessions, unsigned busy, bool keep_alive,
		 uint64_t now_ms);

/* When it may be stopped; UINT64_MAX while it may not. */
uint64_t idle_deadline(const struct idle *idle);

#endif
