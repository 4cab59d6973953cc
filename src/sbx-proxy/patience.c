#include "sbx-proxy/patience.h"

#include "base/clock.h"

static void expired(struct loop_timer *timer);

/* When the patience with who waited longest ends. */
static uint64_t first_deadline(const struct patience *patience)
{
	const struct patience_wait *first =
		container_of(patience->waiting.next, struct patience_wait, node);

	if (patience->crowd == 0 || patience->count <= patience->crowd)
		return first->deadline_ms;
	return first->deadline_ms - patience->span_ms + PATIENCE_LEAST_MS;
}

static void arm(struct patience *patience)
{
	if (patience->count > 0)
		loop_arm(patience->loop, &patience->timer, first_deadline(patience), expired);
}

static void expired(struct loop_timer *timer)
{
	struct patience *patience = container_of(timer, struct patience, timer);
	uint64_t now = clock_now_ms();

	while (patience->count > 0 && first_deadline(patience) <= now) {
		struct patience_wait *wait =
			container_of(patience->waiting.next, struct patience_wait, node);

		patience_stop(wait);
		wait->lost(wait);
	}
	arm(patience);
}

void patience_init(struct patience *patience, struct loop *loop, uint64_t span_ms, unsigned crowd)
{
	*patience = (struct patience){ .loop = loop, .span_ms = span_ms, .crowd = crowd };
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

/* Unless it is crowded the timer stays where it was: it is armed again when it expires too soon. */
void patience_start(struct patience *patience, struct patience_wait *wait)
{
	patience_stop(wait);
	wait->deadline_ms = clock_now_ms() + patience->span_ms;
	wait->patience = patience;
	list_append(&patience->waiting, &wait->node);
	patience->count++;
	if (patience->timer.loop == NULL || patience->count == patience->crowd + 1)
		arm(patience);
}

void patience_stop(struct patience_wait *wait)
{
	if (wait->patience != NULL)
		wait->patience->count--;
	wait->patience = NULL;
	list_remove(&wait->node);
}
