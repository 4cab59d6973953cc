#include "base/parse.h"

#include <errno.h>

#include "base/check.h"
#include "tests/unit/test.h"

struct number {
	const char *text;
	int result;
	uint64_t value;
};

TEST(sizes)
{
	static const struct number cases[] = {
		{ "0", 0, 0 },
		{ "1024", 0, 1024 },
		{ "512m", 0, 512ULL << 20 },
		{ "8g", 0, 8ULL << 30 },
		{ "20GiB", 0, 20ULL << 30 },
		{ "1Kb", 0, 1024 },
		{ "2T", 0, 2ULL << 40 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "1m ", -EINVAL, 0 },
		{ "1.5g", -EINVAL, 0 },
		{ "g", -EINVAL, 0 },
		{ "99999999999999999999", -EINVAL, 0 },
		{ "18446744073709551615k", -ERANGE, 0 },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		uint64_t got = 77;

		CHECK_EQ(parse_size(cases[i].text, &got), cases[i].result);
		CHECK_EQ(got, cases[i].result == 0 ? cases[i].value : 77);
	}
}

TEST(durations)
{
	static const struct number cases[] = {
		{ "30s", 0, 30 },      { "10m", 0, 600 },
		{ "1h30m", 0, 5400 },  { "7d", 0, 604800 },
		{ "30", -EINVAL, 0 },  { "s", -EINVAL, 0 },
		{ "", -EINVAL, 0 },    { "1w", -EINVAL, 0 },
		{ "1hm", -EINVAL, 0 }, { "18446744073709551615d", -ERANGE, 0 },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		uint64_t got = 77;

		CHECK_EQ(parse_duration(cases[i].text, &got), cases[i].result);
		CHECK_EQ(got, cases[i].result == 0 ? cases[i].value : 77);
	}
}

TEST(numbers_have_a_maximum)
{
	uint64_t got = 77;

	CHECK_EQ(parse_u64("65535", 65535, &got), 0);
	CHECK_EQ(got, 65535);
	CHECK_EQ(parse_u64("65536", 65535, &got), -ERANGE);
	CHECK_EQ(parse_u64("0x10", 65535, &got), -EINVAL);
	CHECK_EQ(parse_u64("18446744073709551615", UINT64_MAX, &got), 0);
	CHECK(got == UINT64_MAX);
}

TEST_MAIN()
