#include "sbxd/tail.h"

#include "tests/unit/test.h"

static void add(struct tail *tail, const char *text)
{
	tail_append(tail, text, strlen(text));
}

TEST(what_came_is_kept)
{
	struct tail tail = { .total = 0 };
	size_t len = 0;
	char *copy;

	add(&tail, "one\n");
	add(&tail, "two\n");
	copy = tail_copy(&tail, 100, &len);
	CHECK_STR(copy, "one\ntwo\n");
	free(copy);
	copy = tail_copy(&tail, 4, &len);
	CHECK_STR(copy, "two\n");
	CHECK_EQ(len, 4);
	free(copy);
	tail_clear(&tail);
}

TEST(only_so_much_of_it)
{
	struct tail tail = { .total = 0 };
	size_t len = 0;
	char *copy;

	for (int i = 0; i < TAIL_SIZE; i++)
		add(&tail, "abc");
	add(&tail, "end");
	copy = tail_copy(&tail, (size_t)2 * TAIL_SIZE, &len);
	CHECK_EQ(len, TAIL_SIZE);
	CHECK_STR(copy + TAIL_SIZE - 6, "abcend");
	free(copy);
	tail_clear(&tail);
}

TEST(an_empty_one)
{
	struct tail tail = { .total = 0 };
	char line[16] = "x";
	size_t len = 1;
	char *copy = tail_copy(&tail, 100, &len);

	CHECK_STR(copy, "");
	CHECK_EQ(len, 0);
	free(copy);
	tail_last_line(&tail, line, sizeof(line));
	CHECK_STR(line, "");
}

TEST(the_last_line_that_says_something)
{
	struct tail tail = { .total = 0 };
	char line[16];

	add(&tail, "first\r\nKernel \x1b[31mpanic\a at once\r\n \r\n\n");
	tail_last_line(&tail, line, sizeof(line));
	CHECK_STR(line, "Kernel [31mpani");
	tail_clear(&tail);
}

TEST_MAIN()
