#include "net/timer.h"

static void place(struct timers *timers, struct net_flow *flow, uint32_t slot)
{
	timers->heap[slot] = flow;
	flow->timer_slot = slot;
}

static void rise(struct timers *timers, struct net_flow *flow, uint32_t slot)
{
	while (slot > 1 && timers->heap[slot / 2]->fires_ms > flow->fires_ms) {
		place(timers, timers->heap[slot / 2], slot);
		slot /= 2;
	}
	place(timers, flow, slot);
}

static void sink(struct timers *timers, struct net_flow *flow, uint32_t slot)
{
	uint32_t child;

	while ((child = slot * 2) <= timers->count) {
		if (child < timers->count &&
		    timers->heap[child + 1]->fires_ms < timers->heap[child]->fires_ms)
			child++;
		if (timers->heap[child]->fires_ms >= flow->fires_ms)
			break;
		place(timers, timers->heap[child], slot);
		slot = child;
	}
	place(timers, flow, slot);
}

void timers_set(struct timers *timers, struct net_flow *flow, uint64_t due_ms)
{
	flow->due_ms = due_ms;
	if (flow->timer_slot == TIMER_NONE) {
		flow->fires_ms = due_ms;
		rise(timers, flow, ++timers->count);
	} else if (due_ms < flow->fires_ms) {
		flow->fires_ms = due_ms;
		rise(timers, flow, flow->timer_slot);
	}
}

void timers_remove(struct timers *timers, struct net_flow *flow)
{
	uint32_t slot = flow->timer_slot;
	struct net_flow *last;

	if (slot == TIMER_NONE)
		return;
	flow->timer_slot = TIMER_NONE;
	last = timers->heap[timers->count--];
	if (last == flow)
		return;
	if (slot > 1 && timers->heap[slot / 2]->fires_ms > last->fires_ms)
		rise(timers, last, slot);
	else
		sink(timers, last, slot);
}

struct net_flow *timers_pop(struct timers *timers, uint64_t now_ms)
{
	while (timers->count > 0 && timers->heap[1]->fires_ms <= now_ms) {
		struct net_flow *flow = timers->heap[1];

		if (flow->due_ms <= now_ms) {
			timers_remove(timers, flow);
			return flow;
		}
		flow->fires_ms = flow->due_ms;
		sink(timers, flow, 1);
	}
	return NULL;
}

uint64_t timers_next(const struct timers *timers)
{
	return timers->count > 0 ? timers->heap[1]->fires_ms : UINT64_MAX;
}
