#include "base/err.h"

#include <errno.h>

#include "tests/unit/test.h"

TEST(sets_and_wraps)
{
	struct err err = ERR_INIT;

	CHECK_EQ(err_set(&err, -ENOENT, "no kernel at '%s'", "/k"), -ENOENT);
	CHECK_STR(err.text, "no kernel at '/k'");
	CHECK_EQ(err_wrap(&err, "cannot start '%s'", "a"), -ENOENT);
	CHECK_STR(err.text, "cannot start 'a': no kernel at '/k'");
}

TEST(appends_the_words_of_errno)
{
	struct err err = ERR_INIT;

	CHECK_EQ(err_set_errno(&err, -EACCES, "cannot read '%s'", "f"), -EACCES);
	CHECK_STR(err.text, "cannot read 'f': Permission denied");
}

TEST(long_text_is_cut_not_overrun)
{
	struct err err = ERR_INIT;
	char word[600];

	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	(void)err_set(&err, -EIO, "%s", word);
	(void)err_wrap(&err, "%s", word);
	(void)err_wrap(&err, "%s", word);
	CHECK_EQ(strlen(err.text), ERR_TEXT_MAX - 1);
	CHECK_EQ(err.code, -EIO);
}

TEST_MAIN()
