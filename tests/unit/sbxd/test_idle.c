#include "sbxd/idle.h"

#include "tests/unit/test.h"

TEST(a_new_sandbox_is_idle_from_the_start)
{
	struct idle idle = { .is_idle = false };

	CHECK_EQ(idle_deadline(&idle), UINT64_MAX);
	idle_update(&idle, 0, 0, false, 1000);
	CHECK_EQ(idle_deadline(&idle), 1000 + IDLE_MS);
}

TEST(the_clock_runs_on_while_nothing_changes)
{
	struct idle idle = { .is_idle = false };

	idle_update(&idle, 0, 0, false, 1000);
	idle_update(&idle, 0, 0, false, 9000);
	CHECK_EQ(idle_deadline(&idle), 1000 + IDLE_MS);
}

TEST(each_reason_to_stay_stops_it)
{
	struct idle idle = { .is_idle = false };

	idle_update(&idle, 1, 0, false, 1000);
	CHECK_EQ(idle_deadline(&idle), UINT64_MAX);
	idle_update(&idle, 0, 1, false, 2000);
	CHECK_EQ(idle_deadline(&idle), UINT64_MAX);
	idle_update(&idle, 0, 0, true, 3000);
	CHECK_EQ(idle_deadline(&idle), UINT64_MAX);
}

TEST(it_begins_anew_after_a_session)
{
	struct idle idle = { .is_idle = false };

	idle_update(&idle, 0, 0, false, 1000);
	idle_update(&idle, 2, 0, false, 20000);
	idle_update(&idle, 1, 0, false, 25000);
	idle_update(&idle, 0, 0, false, 40000);
	CHECK_EQ(idle_deadline(&idle), 40000 + IDLE_MS);
}

TEST_MAIN()
