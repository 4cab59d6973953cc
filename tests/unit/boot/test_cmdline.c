#include <errno.h>

#include "base/err.h"
#include "boot/cmdline.h"
#include "tests/unit/test.h"

TEST(words_are_set_apart_by_blanks)
{
	struct cmdline line;
	struct err err = ERR_INIT;

	cmdline_init(&line);
	CHECK_EQ(cmdline_add(&line, &err, "quiet panic=-1"), 0);
	CHECK_EQ(cmdline_add(&line, &err, "virtio_mmio.device=4K@0x%x:%d", 0xd0000000, 5), 0);
	CHECK_STR(line.text, "quiet panic=-1 virtio_mmio.device=4K@0xd0000000:5");
	CHECK_EQ(line.len, strlen(line.text));
}

TEST(a_word_that_does_not_fit_changes_nothing)
{
	char most[CMDLINE_MAX - 4];
	struct cmdline line;
	struct err err = ERR_INIT;

	memset(most, 'a', sizeof(most) - 1);
	most[sizeof(most) - 1] = '\0';
	cmdline_init(&line);
	CHECK_EQ(cmdline_add(&line, &err, "%s", most), 0);
	CHECK_EQ(cmdline_add(&line, &err, "abcd"), -E2BIG);
	CHECK_STR(line.text, most);
	CHECK_EQ(cmdline_add(&line, &err, "abc"), 0);
	CHECK_EQ(line.len, CMDLINE_MAX - 1);
	CHECK_EQ(cmdline_add(&line, &err, "x"), -E2BIG);
	CHECK_EQ(strlen(line.text), CMDLINE_MAX - 1);
	CHECK(strstr(err.text, "longer than 2047 bytes") != NULL);
}

TEST(control_characters_are_refused)
{
	struct cmdline line;
	struct err err = ERR_INIT;

	cmdline_init(&line);
	CHECK_EQ(cmdline_add(&line, &err, "quiet"), 0);
	CHECK_EQ(cmdline_add(&line, &err, "a\nb"), -EINVAL);
	CHECK_EQ(cmdline_add(&line, &err, "\x7f"), -EINVAL);
	CHECK_STR(line.text, "quiet");
}

TEST_MAIN()
