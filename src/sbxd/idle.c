#include "sbxd/idle.h"

void idle_update(struct idle *idle, unsigned sessions, unsigned busy, bool keep_alive,
		 uint64_t now_ms)
{
	bool is_idle = sessions == 0 && busy == 0 && !keep_alive;

	if (is_idle && !idle->is_idle)
		idle->since_ms = now_ms;
	idle->is_idle = is_idle;
}

uint64_t idle_deadline(const struct idle *idle)
{
	return idle->is_idle ? idle->since_ms + IDLE_MS : UINT64_MAX;
}
