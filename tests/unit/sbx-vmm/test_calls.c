#include <pthread.h>

#include "sbx-vmm/calls.h"
#include "tests/unit/test.h"

struct fixture {
	struct loop *loop;
	struct calls calls;
	pthread_t main_thread, called_on;
	int called;
};

static void called(void *ctx)
{
	struct fixture *f = ctx;

	f->called++;
	f->called_on = pthread_self();
	loop_stop(f->loop);
}

static void *make_call(void *ctx)
{
	struct fixture *f = ctx;

	calls_make(&f->calls, called, f);
	return NULL;
}

TEST(a_call_runs_on_the_loop_and_its_maker_waits)
{
	struct fixture f = { .main_thread = pthread_self() };
	pthread_t thread;

	CHECK_EQ(loop_create(&f.loop), 0);
	CHECK_EQ(calls_init(&f.calls, f.loop), 0);
	CHECK_EQ(pthread_create(&thread, NULL, make_call, &f), 0);
	CHECK_EQ(loop_run(f.loop), 0);
	(void)pthread_join(thread, NULL);
	CHECK_EQ(f.called, 1);
	CHECK(pthread_equal(f.called_on, f.main_thread));
	calls_finish(&f.calls);
	loop_destroy(f.loop);
}

TEST(closing_frees_those_who_wait_and_those_who_come)
{
	struct fixture f = { .called = 0 };
	pthread_t thread;

	CHECK_EQ(loop_create(&f.loop), 0);
	CHECK_EQ(calls_init(&f.calls, f.loop), 0);
	CHECK_EQ(pthread_create(&thread, NULL, make_call, &f), 0);
	calls_close(&f.calls); /* before or after it waits */
	(void)pthread_join(thread, NULL);
	calls_make(&f.calls, called, &f);
	CHECK_EQ(f.called, 0);
	calls_finish(&f.calls);
	loop_destroy(f.loop);
}

TEST_MAIN()
