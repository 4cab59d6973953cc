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

TEST(a_long_path_does_not_push_the_reason_out)
{
	struct err err = ERR_INIT;
	char path[4096];

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	(void)err_set_errno(&err, -EACCES, "cannot share '%s'", path);
	CHECK(strncmp(err.text, "cannot share 'ppp", 17) == 0);
	CHECK(strstr(err.text, "ppp...ppp") != NULL);
	CHECK(strstr(err.text, "ppp': Permission denied") != NULL);
	(void)err_wrap(&err, "'%s' is not made", path);
	CHECK(strstr(err.text, "ppp': Permission denied") != NULL);
}

TEST(a_cut_is_between_characters)
{
	struct err err = ERR_INIT;
	char word[3000], *gap;

	for (size_t shift = 0; shift < 3; shift++) {
		memset(word, 'x', shift);
		for (size_t i = 0; i < 3 * 900; i++)
			word[shift + i] = "\xe2\x82\xac"[i % 3];
		word[shift + 3 * 900] = '\0';
		(void)err_set(&err, -EIO, "%s", word);
		gap = strstr(err.text, "...");
		CHECK(gap != NULL);
		CHECK((unsigned char)gap[3] == 0xe2);
		CHECK(gap[-1] == '\xac' && gap[-3] == '\xe2');
	}
}

TEST_MAIN()
