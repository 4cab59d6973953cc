#include "sbx/columns.h"

#include "base/cleanup.h"
#include "tests/unit/test.h"

TEST(columns_are_aligned_and_harmless)
{
	static const char *const rows[][3] = {
		{ "SANDBOX", "STATUS", "WORKSPACE" },
		{ "a", "running", "/home/me" },
		{ "größe", "\x1b[2J", "with\nnewline" },
	};
	struct columns columns;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	CHECK(to != NULL);
	columns_init(&columns, 3);
	for (size_t i = 0; i < 3; i++)
		CHECK_EQ(columns_add(&columns, rows[i]), 0);
	columns_print(&columns, to);
	(void)fclose(to);
	CHECK_STR(text,
		  "SANDBOX   STATUS    WORKSPACE\n"
		  "a         running   /home/me\n"
		  "größe     \\x1b[2J   with\\x0anewline\n");
	free(text);
	columns_finish(&columns);
}

TEST_MAIN()
