#include "base/buf.h"

#include <errno.h>

#include "tests/unit/test.h"

TEST(grows_up_to_max_and_not_beyond)
{
	struct buf buf;

	buf_init(&buf, 1000);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(buf_append(&buf, "0123456789", 10), 0);
	CHECK_EQ(buf.len, 1000);
	CHECK_EQ(buf_append(&buf, "x", 1), -ENOBUFS);
	CHECK_EQ(buf.len, 1000);
	CHECK(buf.cap <= 1000);
	buf_finish(&buf);
}

TEST(a_refused_append_changes_nothing)
{
	struct buf buf;

	buf_init(&buf, 4);
	CHECK_EQ(buf_append(&buf, "abc", 3), 0);
	CHECK_EQ(buf_append(&buf, "de", 2), -ENOBUFS);
	CHECK_EQ(buf.len, 3);
	CHECK_STR(buf_str(&buf), "abc");
	buf_finish(&buf);
}

TEST(consume_keeps_the_rest)
{
	struct buf buf;

	buf_init(&buf, 64);
	CHECK_EQ(buf_printf(&buf, "%s-%d", "head", 42), 0);
	buf_consume(&buf, 5);
	CHECK_STR(buf_str(&buf), "42");
	buf_consume(&buf, 2);
	CHECK_EQ(buf.len, 0);
	buf_finish(&buf);
}

TEST(finish_twice_and_empty)
{
	struct buf buf;

	buf_init(&buf, 8);
	buf_finish(&buf);
	buf_finish(&buf);
	buf_finish(NULL);
	CHECK_EQ(buf_append(&buf, "later", 5), 0);
	buf_finish(&buf);
}

TEST_MAIN()
