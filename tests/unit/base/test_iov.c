#include "base/iov.h"

#include <errno.h>
#include <stdint.h>

#include "base/check.h"
#include "tests/unit/test.h"

static char first[] = "abc", second[] = "defgh";
static const struct iovec parts[] = {
	{ .iov_base = first, .iov_len = 3 },
	{ .iov_base = NULL, .iov_len = 0 },
	{ .iov_base = second, .iov_len = 5 },
};

TEST(reads_across_parts_and_empty_ones)
{
	struct iov iov = iov_make(parts, countof(parts));
	char out[8];

	CHECK_EQ(iov.left, 8);
	CHECK_EQ(iov_read(&iov, out, 2), 0);
	CHECK_EQ(iov_read(&iov, out + 2, 4), 0);
	CHECK_MEM(out, "abcdef", 6);
	CHECK_EQ(iov_read(&iov, out, 3), -ENODATA);
	CHECK_EQ(iov.left, 2);
	CHECK_EQ(iov_read(&iov, out, 2), 0);
	CHECK_MEM(out, "gh", 2);
	CHECK_EQ(iov_read(&iov, out, 0), 0);
}

TEST(write_is_all_or_nothing)
{
	char to[4] = "....";
	struct iovec vec[] = { { to, 1 }, { to + 1, 3 } };
	struct iov iov = iov_make(vec, 2);

	CHECK_EQ(iov_write(&iov, "12345", 5), -ENOSPC);
	CHECK_MEM(to, "....", 4);
	CHECK_EQ(iov_write(&iov, "1234", 4), 0);
	CHECK_MEM(to, "1234", 4);
}

TEST(slice_shows_without_advancing)
{
	struct iov iov = iov_make(parts, countof(parts));
	struct iovec out[2];

	CHECK_EQ(iov_skip(&iov, 1), 0);
	CHECK_EQ(iov_slice(&iov, 5, out, 2), 2);
	CHECK(out[0].iov_base == first + 1 && out[0].iov_len == 2);
	CHECK(out[1].iov_base == second && out[1].iov_len == 3);
	CHECK_EQ(iov_slice(&iov, 5, out, 1), -E2BIG);
	CHECK_EQ(iov_slice(&iov, 8, out, 2), -ENODATA);
	CHECK_EQ(iov.left, 7);
}

TEST(lengths_that_overflow_are_nothing)
{
	struct iovec vec[] = { { first, SIZE_MAX }, { second, 2 } };
	struct iov iov = iov_make(vec, 2);
	char byte;

	CHECK_EQ(iov.left, 0);
	CHECK_EQ(iov_read(&iov, &byte, 1), -ENODATA);
}

TEST_MAIN()
