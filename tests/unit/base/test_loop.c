#include "base/loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "tests/unit/test.h"

struct end {
	struct loop_watch watch;
	struct end *other;
	int calls;
};

static void removes_the_other(struct loop_watch *watch, uint32_t events)
{
	struct end *end = container_of(watch, struct end, watch);

	(void)events;
	end->calls++;
	loop_remove(&end->other->watch);
	loop_remove(watch);
}

/* Both are ready at once; whoever comes first takes the other off: exactly one call. */
TEST(a_removed_watch_is_not_called)
{
	struct loop *loop;
	int pipes[2][2];
	struct end ends[2] = { { .other = &ends[1] }, { .other = &ends[0] } };

	CHECK_EQ(loop_create(&loop), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(pipe2(pipes[i], O_CLOEXEC), 0);
		CHECK_EQ(loop_add(loop, &ends[i].watch, pipes[i][0], EPOLLIN, removes_the_other),
			 0);
		ends[i].other = &ends[1 - i];
		CHECK_EQ(write(pipes[i][1], "x", 1), 1);
	}
	CHECK_EQ(loop_step(loop, 1000), 0);
	CHECK_EQ(ends[0].calls + ends[1].calls, 1);
	CHECK_EQ(loop_step(loop, 0), 0);
	CHECK_EQ(ends[0].calls + ends[1].calls, 1);
	loop_destroy(loop);
	for (int i = 0; i < 2; i++) {
		(void)close(pipes[i][0]);
		(void)close(pipes[i][1]);
	}
}

static char order[8];

struct named_timer {
	struct loop_timer timer;
	char name;
	struct loop *stops;
};

static void note_name(struct loop_timer *timer)
{
	struct named_timer *named = container_of(timer, struct named_timer, timer);

	order[strlen(order)] = named->name;
	if (named->stops != NULL)
		loop_stop(named->stops);
}

TEST(timers_fire_in_order_and_can_be_disarmed)
{
	struct named_timer a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
	uint64_t now = clock_now_ms();
	struct loop *loop;

	CHECK_EQ(loop_create(&loop), 0);
	c.stops = loop;
	loop_arm(loop, &c.timer, now + 20, note_name);
	loop_arm(loop, &a.timer, now + 500000, note_name);
	loop_arm(loop, &b.timer, now + 10, note_name);
	loop_arm(loop, &a.timer, now + 5, note_name); /* moved */
	loop_disarm(&b.timer);
	CHECK_EQ(loop_run(loop), 0);
	CHECK_STR(order, "ac");
	loop_destroy(loop);
}

TEST_MAIN()
