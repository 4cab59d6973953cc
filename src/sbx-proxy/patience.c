#include "sbx-proxy/patience.h"

#include "base/clock.h"

static void expired(struct loop_timer *timer);

static struct patience_wait *first(const struct patience *patience)
{
	return container_of(patience->waiting.next, struct patience_wait, node);
}

static void arm(struct patience *patience)
{
	if (!list_is_empty(&patience->waiting))
		loop_arm(patience->loop, &patience->timer, first(patience)->deadline_ms, expired);
}

static void expired(struct loop_timer *timer)
{
	struct patience *patience = container_of(timer, struct patience, timer);
	uint64_t now = clock_now_ms();

	while (!list_is_empty(&patience->waiting) && first(patience)->deadline_ms <= now) {
		struct patience_wait *wait = first(patience);

		list_remove(&wait->node);
		wait->lost(wait);
	}
	arm(patience);
}

void patience_init(struct patience *patience, struct loop *loop, uint64_t span_ms)
{
	*patience = (struct patience){ .loop = loop, .span_ms = span_ms };
	list_init(&patience->waiting);
}

void patience_finish(struct patience *patience)
{
	if (patience->loop != NULL)
		loop_disarm(&patience->timer);
}

void patience_wait_init(struct patience_wait *wait, void (*lost)(struct patience_wait *wait))
{
	*wait = (struct patience_wait){ .lost = lost };
	list_init(&wait->node);
}

/* The timer stays where it was: when it expires too soon it is armed again. */
void patience_start(struct patience *patience, struct patience_wait *wait)
{
	wait->deadline_ms = clock_now_ms() + patience->span_ms;
	list_remove(&wait->node);
	list_append(&patience->waiting, &wait->node);
	if (patience->timer.loop == NULL)
		arm(patience);
}

void patience_stop(struct patience_wait *wait)
{
	list_remove(&wait->node);
}
