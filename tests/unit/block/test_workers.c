#include "block/workers.h"

#include <semaphore.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/loop.h"
#include "tests/unit/test.h"

enum { THREADS = 3, MANY = 500, PATIENCE_MS = 20000 };

static struct loop *loop;
static struct workers *workers;
static atomic_uint run_count;
static unsigned done_count;
static sem_t gate;

struct job {
	struct work work;
	unsigned again; /* how often it submits itself once more */
};

static void start(void)
{
	run_count = 0;
	done_count = 0;
	if (loop_create(&loop) < 0 || workers_create(loop, THREADS, &workers) < 0)
		abort();
}

static void finish(void)
{
	workers_destroy(workers);
	loop_destroy(loop);
}

static void count_run(struct work *work)
{
	(void)work;
	run_count++;
}

static void wait_at_gate(struct work *work)
{
	(void)sem_wait(&gate);
	count_run(work);
}

static void count_done(struct work *work)
{
	struct job *job = container_of(work, struct job, work);

	done_count++;
	if (job->again-- > 0)
		workers_submit(workers, work);
}

static bool loop_until_done(unsigned count)
{
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;

	while (done_count < count && clock_left_ms(deadline) > 0)
		(void)loop_step(loop, 100);
	return done_count == count;
}

TEST(work_runs_and_comes_back)
{
	static struct job jobs[MANY];

	start();
	for (unsigned i = 0; i < MANY; i++) {
		jobs[i] = (struct job){ .work = { .run = count_run, .done = count_done },
					.again = 1 };
		workers_submit(workers, &jobs[i].work);
	}
	CHECK(loop_until_done(2 * MANY));
	CHECK_EQ(run_count, 2 * MANY);
	finish();
}

TEST(work_that_sleeps_does_not_hold_up_other_work)
{
	struct job slow = { .work = { .run = wait_at_gate, .done = count_done } };
	struct job fast = { .work = { .run = count_run, .done = count_done } };

	start();
	CHECK_EQ(sem_init(&gate, 0, 0), 0);
	workers_submit(workers, &slow.work);
	workers_submit(workers, &fast.work);
	CHECK(loop_until_done(1));
	CHECK_EQ(run_count, 1);
	(void)sem_post(&gate);
	CHECK(loop_until_done(2));
	finish();
}

TEST(waiting_delivers_without_the_loop)
{
	struct job job = { .work = { .run = count_run, .done = count_done } };

	start();
	workers_submit(workers, &job.work);
	workers_wait(workers);
	CHECK_EQ(done_count, 1);
	/* The event that the loop still sees finds nothing. */
	CHECK_EQ(loop_step(loop, 0), 0);
	CHECK_EQ(done_count, 1);
	finish();
}

TEST_MAIN()
