#include "sbx-init/cmdline.h"

#include <errno.h>

#include "tests/unit/test.h"

static int layers(const char *cmdline)
{
	return cmdline_number(cmdline, "sbx.layers", 1, 6);
}

TEST(a_number_is_found_among_other_words)
{
	CHECK_EQ(layers("console=ttyS0 quiet sbx.layers=3 panic=-1\n"), 3);
	CHECK_EQ(layers("sbx.layers=6"), 6);
	CHECK_EQ(layers("  sbx.layers=1  "), 1);
	CHECK_EQ(layers("sbx.layers=2 sbx.layers=4"), 4);
}

TEST(without_the_word_it_is_what_it_is_otherwise)
{
	CHECK_EQ(layers(""), 1);
	CHECK_EQ(layers("\n"), 1);
	CHECK_EQ(layers("sbx.layersx=3 xsbx.layers=3 sbx.layer=3 sbx.layers"), 1);
}

TEST(what_is_no_number_in_the_limits_is_refused)
{
	static const char *const wrong[] = { "sbx.layers=0",
					     "sbx.layers=7",
					     "sbx.layers=-1",
					     "sbx.layers=3x",
					     "sbx.layers=",
					     "sbx.layers= 3",
					     "sbx.layers=03333333333333333333333" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_EQ(layers(wrong[i]), -EINVAL);
}

TEST_MAIN()
