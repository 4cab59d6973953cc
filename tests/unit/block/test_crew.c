#include "block/crew.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/loop.h"
#include "tests/unit/test.h"

enum { THREADS = 3, MANY = 500, ROUNDS = 20 };

static struct loop *loop;
static struct crew *crew;
static struct loop_watch bell;
static int bell_fd;
static sem_t gate;
static atomic_uint run_count;
static atomic_bool in_hand; /* somebody is called back */
static bool overlapped;
static unsigned done_count, wanted, rung;

struct job {
	struct work work;
	unsigned again; /* how often it submits itself once more */
};

static struct job jobs[MANY];

static void begin_call(void)
{
	overlapped |= atomic_exchange(&in_hand, true);
}

static void end_call(void)
{
	in_hand = false;
}

static void ring(void)
{
	if (eventfd_write(bell_fd, 1) < 0)
		abort();
}

static void start(unsigned threads, loop_watch_fn *rang)
{
	run_count = 0;
	done_count = rung = 0;
	overlapped = in_hand = false;
	bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell_fd < 0 || sem_init(&gate, 0, 0) < 0 || loop_create(&loop) < 0 ||
	    loop_add(loop, &bell, bell_fd, EPOLLIN, rang) < 0 ||
	    crew_create(loop, threads, &crew) < 0)
		abort();
}

static void finish(void)
{
	crew_destroy(crew);
	loop_remove(&bell);
	loop_destroy(loop);
	(void)close(bell_fd);
}

static void take_ring(const struct loop_watch *watch)
{
	eventfd_t count;

	(void)eventfd_read(watch->fd, &count);
	rung++;
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

/* The loop is stopped by a callback, so the last one rings for it. */
static void count_done(struct work *work)
{
	struct job *job = container_of(work, struct job, work);

	begin_call();
	if (++done_count == wanted)
		ring();
	if (job->again-- > 0)
		crew_submit(crew, work);
	end_call();
}

static void submit(unsigned count, unsigned again, void (*run)(struct work *work))
{
	for (unsigned i = 0; i < count; i++) {
		jobs[i] =
			(struct job){ .work = { .run = run, .done = count_done }, .again = again };
		crew_submit(crew, &jobs[i].work);
	}
}

static void submit_all_then_stop(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	begin_call();
	take_ring(watch);
	if (done_count == wanted)
		loop_stop(loop);
	else if (run_count == 0)
		submit(MANY, 1, count_run);
	end_call();
}

TEST(work_runs_and_nothing_is_called_back_at_the_same_time)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		start(THREADS, submit_all_then_stop);
		wanted = 2 * MANY;
		ring();
		CHECK_EQ(crew_run(crew), 0);
		CHECK_EQ(run_count, 2 * MANY);
		CHECK_EQ(done_count, 2 * MANY);
		CHECK(!overlapped);
		finish();
	}
}

static unsigned sleepers;

/* The first ring begins works that sleep, the second wakes them: somebody must hear it. */
static void sleep_then_wake(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	take_ring(watch);
	if (rung == 1) {
		submit(sleepers, 0, wait_at_gate);
		ring();
	} else if (run_count == 0) {
		for (unsigned i = 0; i < sleepers; i++)
			(void)sem_post(&gate);
	}
	if (done_count == wanted)
		loop_stop(loop);
}

TEST(the_loop_goes_on_while_work_sleeps)
{
	for (unsigned threads = 2; threads <= THREADS; threads++) {
		/* Fewer, as many, and more than there are threads. */
		for (sleepers = 1; sleepers <= threads + 2; sleepers++) {
			start(threads, sleep_then_wake);
			wanted = sleepers;
			ring();
			CHECK_EQ(crew_run(crew), 0);
			CHECK_EQ(run_count, sleepers);
			finish();
		}
	}
}

static atomic_int worker;

static void tell_and_wait_at_gate(struct work *work)
{
	worker = gettid();
	wait_at_gate(work);
}

static bool is_asleep(pid_t thread)
{
	char path[64], state = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	file = fopen(path, "re");
	if (file == NULL || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		abort();
	(void)fclose(file);
	return state == 'S';
}

/* The second ring lets the work end, and holds the state in hand until its thread is idle. */
static void hold_until_worker_is_idle(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	take_ring(watch);
	if (rung == 1) {
		submit(1, 1, tell_and_wait_at_gate);
		ring();
	} else if (done_count == 0) {
		(void)sem_post(&gate);
		(void)sem_post(&gate);
		while (run_count == 0 || !is_asleep(worker))
			;
	}
	if (done_count == wanted)
		loop_stop(loop);
}

TEST(what_ends_at_the_leader_may_submit_again)
{
	start(2, hold_until_worker_is_idle);
	wanted = 2;
	ring();
	CHECK_EQ(crew_run(crew), 0);
	CHECK_EQ(run_count, 2);
	finish();
}

static bool is_right; /* what was said of being busy */

static void submit_and_wait(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	take_ring(watch);
	is_right = !crew_is_busy(crew);
	submit(MANY, 0, count_run);
	is_right &= crew_is_busy(crew);
	while (done_count < MANY)
		crew_wait(crew);
	is_right &= !crew_is_busy(crew);
	loop_stop(loop);
}

TEST(a_callback_can_wait_for_work)
{
	start(THREADS, submit_and_wait);
	wanted = 0;
	ring();
	CHECK_EQ(crew_run(crew), 0);
	CHECK(is_right);
	CHECK_EQ(run_count, MANY);
	finish();
}

static void submit_and_stop(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	take_ring(watch);
	submit(MANY, 0, count_run);
	loop_stop(loop);
}

TEST(what_nobody_began_can_be_waited_for_afterwards)
{
	start(THREADS, submit_and_stop);
	wanted = 0;
	ring();
	CHECK_EQ(crew_run(crew), 0);
	while (done_count < MANY)
		crew_wait(crew);
	CHECK_EQ(run_count, MANY);
	finish();
}

TEST_MAIN()
