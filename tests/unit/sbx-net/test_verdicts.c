#include "sbx-net/verdicts.h"

#include <errno.h>

#include "base/clock.h"
#include "tests/unit/test.h"

static struct verdicts verdicts;
static struct loop *loop;

static struct {
	bool is_away;
	unsigned sent;
	uint64_t counts; /* of all that was sent */
	char name[64];	 /* of the last one */
	bool has_name;
} seen;

static int take(void *owner, const struct net_verdict *verdict)
{
	(void)owner;
	if (seen.is_away)
		return -ENOTCONN;
	seen.sent++;
	seen.counts += verdict->count;
	seen.has_name = verdict->name != NULL;
	(void)snprintf(seen.name, sizeof(seen.name), "%s", seen.has_name ? verdict->name : "");
	return 0;
}

static void start(void)
{
	memset(&seen, 0, sizeof(seen));
	(void)loop_create(&loop);
	verdicts_init(&verdicts, loop, take, NULL);
}

static void stop(void)
{
	verdicts_finish(&verdicts);
	loop_destroy(loop);
}

static void deny(const char *name, uint16_t port)
{
	const struct policy_verdict verdict = { .decision = POLICY_DENY, .sentence = "no" };
	const struct verdict_event event = { .name = name,
					     .to = { .port = port },
					     .protocol = POLICY_TCP,
					     .path = NET_PATH_NETWORK };

	verdicts_add(&verdicts, &verdict, &event);
}

TEST(the_first_is_told_at_once)
{
	start();
	deny("a.test", 1);
	CHECK_EQ(seen.sent, 1);
	CHECK_STR(seen.name, "a.test");
	deny("b.test", 1);
	deny("a.test", 2);
	CHECK_EQ(seen.sent, 3);
	stop();
}

TEST(equal_ones_are_gathered)
{
	const uint64_t deadline = clock_now_ms() + 60000;

	start();
	for (int i = 0; i < 1000; i++)
		deny("a.test", 1);
	CHECK(seen.sent < 100);
	while (seen.counts < 1000 && clock_now_ms() < deadline)
		CHECK_EQ(loop_step(loop, 1000), 0);
	CHECK_EQ(seen.counts, 1000);
	stop();
}

TEST(they_wait_while_sbxd_is_away)
{
	start();
	seen.is_away = true;
	for (int i = 0; i < 5; i++)
		deny("a.test", 1);
	CHECK_EQ(seen.sent, 0);
	seen.is_away = false;
	verdicts_resume(&verdicts);
	CHECK_EQ(seen.sent, 1);
	CHECK_EQ(seen.counts, 5);
	stop();
}

TEST(what_is_lost_is_counted)
{
	start();
	seen.is_away = true;
	for (unsigned i = 0; i < VERDICTS_MAX + 7; i++)
		deny("a.test", (uint16_t)(i + 1));
	CHECK_EQ(verdicts.lost, 7);
	seen.is_away = false;
	verdicts_resume(&verdicts);
	CHECK_EQ(seen.sent, VERDICTS_MAX + 1);
	CHECK_EQ(seen.counts, VERDICTS_MAX + 7);
	CHECK_EQ(verdicts.lost, 0);
	stop();
}

TEST_MAIN()
