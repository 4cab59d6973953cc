#include "kit/pattern.h"

#include <errno.h>

#include "base/check.h"
#include "tests/unit/test.h"

static const struct {
	const char *pattern, *text;
	int want;
} rows[] = {
	{ "[a-z]+", "abc", 1 },
	{ "[a-z]+", "abc1", 0 },
	{ "a|ab", "ab", 1 },
	{ "", "", 1 },
	{ "(?i)abc", "ABC", 1 },
	{ "(?P<x>a)b", "ab", 1 },
	{ "[", "x", -EINVAL },
	{ "(a)\\1", "aa", -EINVAL },
	{ "(?=a)a", "a", -EINVAL },
	{ "(?<!a)b", "b", -EINVAL },
	{ "(?R)?a", "a", -EINVAL },
	{ "(*LIMIT_MATCH=9)a", "a", -EINVAL },
	{ "(a+)+[bd]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", -E2BIG },
};

TEST(whole_values_in_bounded_steps)
{
	for (size_t i = 0; i < countof(rows); i++) {
		int got = pattern_matches(rows[i].pattern, rows[i].text);

		if (got != rows[i].want)
			TEST_FAIL_("%s on %s gives %d", rows[i].pattern, rows[i].text, got);
	}
}

TEST_MAIN()
