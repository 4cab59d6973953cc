/*
 * When each flow wants to be looked at: a heap by time. Moving a flow's time to
 * later, which every segment does, costs nothing: it is found out when the
 * earlier time has come.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include <stdint.h>

#include "net/flow.h"

enum { TIMER_NONE = 0 }; /* slots of the heap count from 1 */

struct timers {
	uint32_t count;
	struct net_flow *heap[NET_FLOWS_MAX + 1];
};

void timers_set(struct timers *timers, struct net_flow *flow, uint64_t due_ms);
void timers_remove(struct timers *timers, struct net_flow *flow);

/* A flow whose time has come, no longer in the heap; NULL: none. */
struct net_flow *timers_pop(struct timers *timers, uint64_t now_ms);

/* When to look again, at the latest; UINT64_MAX: never. */
uint64_t timers_next(const struct timers *timers);

#endif
