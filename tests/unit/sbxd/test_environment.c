#include "sbxd/environment.h"

#include "base/cleanup.h"
#include "sbxd/string_list.h"
#include "tests/unit/test.h"

TEST(later_lines_take_the_place_of_their_names)
{
	autocall(string_list_finish) struct string_list env = { .count = 0 };
	autocall(string_list_finish) struct string_list more = { .count = 0 };

	CHECK_EQ(string_list_add(&env, "A=1"), 0);
	CHECK_EQ(string_list_add(&env, "AB=2"), 0);
	CHECK_EQ(string_list_add(&env, "C=3"), 0);
	CHECK_EQ(environment_merge(&env, &more), 0);
	CHECK_EQ(env.count, 3);
	CHECK_EQ(string_list_add(&more, "A=4"), 0);
	CHECK_EQ(string_list_add(&more, "D="), 0);
	CHECK_EQ(environment_merge(&env, &more), 0);
	CHECK_EQ(env.count, 4);
	CHECK_STR(env.items[0], "AB=2");
	CHECK_STR(env.items[1], "C=3");
	CHECK_STR(env.items[2], "A=4");
	CHECK_STR(env.items[3], "D=");
}

TEST_MAIN()
