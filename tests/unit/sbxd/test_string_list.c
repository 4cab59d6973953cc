#include "sbxd/string_list.h"

#include <errno.h>

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

TEST(is_written_as_json_and_read_again)
{
	struct string_list list = { .count = 0 }, again = { .count = 0 };
	json_t *array;

	CHECK_EQ(string_list_add(&list, "a"), 0);
	CHECK_EQ(string_list_add(&list, "\"b"), 0);
	array = string_list_pack(&list);
	CHECK_EQ(string_list_unpack(array, 1, &again), -EINVAL);
	CHECK_EQ(again.count, 0);
	CHECK_EQ(string_list_unpack(array, 2, &again), 0);
	CHECK_EQ(again.count, 2);
	CHECK_STR(again.items[1], "\"b");
	(void)json_array_append_new(array, json_integer(3));
	CHECK_EQ(string_list_unpack(array, 3, &again), -EINVAL);
	CHECK_EQ(string_list_unpack(json_object_get(array, "no array"), 3, &again), -EINVAL);
	json_decref(array);
	string_list_finish(&list);
	string_list_finish(&again);
}

TEST_MAIN()
