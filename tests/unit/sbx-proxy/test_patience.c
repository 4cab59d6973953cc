#include "base/check.h"
#include "base/clock.h"
#include "sbx-proxy/patience.h"
#include "tests/unit/test.h"

struct waiter {
	struct patience_wait wait;
	int lost;
};

static void lost(struct patience_wait *wait)
{
	container_of(wait, struct waiter, wait)->lost++;
}

TEST(who_waits_too_long_is_told_once_and_others_are_not)
{
	struct waiter first = { .lost = 0 }, second = { .lost = 0 }, stopped = { .lost = 0 };
	struct patience soon, late;
	struct loop *loop;
	uint64_t deadline = clock_now_ms() + 10000;

	CHECK_EQ(loop_create(&loop), 0);
	patience_init(&soon, loop, 20, 0);
	patience_init(&late, loop, 60000, 0);
	patience_wait_init(&first.wait, lost);
	patience_wait_init(&second.wait, lost);
	patience_wait_init(&stopped.wait, lost);
	patience_start(&soon, &first.wait);
	patience_start(&soon, &stopped.wait);
	patience_start(&soon, &second.wait);
	patience_start(&late, &second.wait); /* moved */
	patience_stop(&stopped.wait);
	while (first.lost == 0 && clock_now_ms() < deadline)
		CHECK_EQ(loop_step(loop, 100), 0);
	CHECK_EQ(first.lost, 1);
	CHECK_EQ(second.lost, 0);
	CHECK_EQ(stopped.lost, 0);
	patience_stop(&second.wait);
	patience_finish(&soon);
	patience_finish(&late);
	loop_destroy(loop);
}

TEST(in_a_crowd_who_waited_longest_is_lost_first)
{
	struct waiter waiters[4];
	struct patience patience;
	struct loop *loop;
	uint64_t began = clock_now_ms(), deadline = began + 10000;

	CHECK_EQ(loop_create(&loop), 0);
	patience_init(&patience, loop, 60000, 2);
	for (size_t i = 0; i < countof(waiters); i++) {
		waiters[i].lost = 0;
		patience_wait_init(&waiters[i].wait, lost);
		patience_start(&patience, &waiters[i].wait);
	}
	patience_start(&patience, &waiters[0].wait); /* it came back */
	while (waiters[2].lost == 0 && clock_now_ms() < deadline)
		CHECK_EQ(loop_step(loop, 100), 0);
	CHECK(clock_now_ms() >= began + PATIENCE_LEAST_MS);
	CHECK_EQ(waiters[1].lost, 1);
	CHECK_EQ(waiters[2].lost, 1);
	CHECK_EQ(waiters[3].lost + waiters[0].lost, 0);
	CHECK_EQ(patience.count, 2);
	patience_stop(&waiters[0].wait);
	patience_stop(&waiters[3].wait);
	CHECK_EQ(patience.count, 0);
	patience_finish(&patience);
	loop_destroy(loop);
}

TEST_MAIN()
