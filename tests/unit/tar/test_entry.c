#include "tar/entry.h"

#include <errno.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"

static void check_name(const char *name, const char *want)
{
	autofree char *got = NULL;
	struct err err = ERR_INIT;

	CHECK_EQ(tar_name_normalise(name, &err, &got), 0);
	CHECK_STR(got, want);
}

static void check_refused(const char *name, const char *text)
{
	char *got = NULL;
	struct err err = ERR_INIT;

	CHECK_EQ(tar_name_normalise(name, &err, &got), -EPERM);
	CHECK_STR(err.text, text);
	CHECK(got == NULL);
}

TEST(names_have_one_form)
{
	check_name("a", "a");
	check_name("./a//b/./c/", "a/b/c");
	check_name("./", "");
	check_name("", "");
	check_name("..a/b..", "..a/b..");
	check_name("...", "...");
}

TEST(names_that_lead_out_are_refused)
{
	check_refused("/etc/passwd", "the archive's entry '/etc/passwd' has an absolute name");
	check_refused("..", "the archive's entry '..' leads out of its folder");
	check_refused("a/../b", "the archive's entry 'a/../b' leads out of its folder");
	check_refused("a/..", "the archive's entry 'a/..' leads out of its folder");
	check_refused("./../a", "the archive's entry './../a' leads out of its folder");
}

TEST(a_shown_name_cannot_drive_a_terminal)
{
	CHECK_STR(tar_show("a\x1b]52;c;x\x07\n\xc3\xa4").text, "a?]52;c;x????");
}

TEST_MAIN()
