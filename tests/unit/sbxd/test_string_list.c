#include "sbxd/string_list.h"

#include "tests/unit/test.h"

TEST(grows_and_ends_in_null)
{
	struct string_list list = { .count = 0 }, copy;

	CHECK_EQ(string_list_add(&list, "a"), 0);
	CHECK_EQ(string_list_add(&list, ""), 0);
	CHECK_EQ(list.count, 2);
	CHECK_STR(list.items[0], "a");
	CHECK(list.items[2] == NULL);
	CHECK_EQ(string_list_copy(&list, &copy), 0);
	string_list_finish(&list);
	CHECK(list.items == NULL && list.count == 0);
	CHECK_STR(copy.items[1], "");
	string_list_finish(&copy);
}

TEST(the_copy_of_nothing_is_nothing)
{
	struct string_list list = { .count = 0 }, copy;

	CHECK_EQ(string_list_copy(&list, &copy), 0);
	CHECK(copy.items == NULL && copy.count == 0);
}

TEST_MAIN()
