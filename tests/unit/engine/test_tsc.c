#include "engine/tsc.h"

#include "tests/unit/test.h"

TEST(two_measurements_agree)
{
	int64_t a = tsc_measure_khz(), b = tsc_measure_khz();

	CHECK(a > 0 && b > 0);
	/* one per cent: the clock is refined by nobody, but a guest lives with that */
	CHECK(llabs(a - b) < a / 100);
}

TEST_MAIN()
