#include "sbxd/words.h"

#include "tests/unit/test.h"

static const char *pick_blaming(const char *blamed, const char *text)
{
	static char result[64];
	char *copy = strdup(text);

	words_pick(copy, blamed, result, sizeof(result));
	free(copy);
	return result;
}

static const char *pick(const char *text)
{
	return pick_blaming("sbx-fs", text);
}

#define LINE(level, text) \
	"{\"time\":\"t\",\"level\":\"" level "\",\"program\":\"sbx-fs\",\"msg\":\"" text "\"}\n"

TEST(the_gravest_line_wins)
{
	CHECK_STR(pick(LINE("error", "broken") LINE("info", "ends")), "sbx-fs: broken");
	CHECK_STR(pick(LINE("warning", "odd") LINE("info", "ends")), "sbx-fs: odd");
	CHECK_STR(pick(LINE("info", "one") LINE("info", "two")), "sbx-fs: two");
}

TEST(plain_text_is_an_error)
{
	CHECK_STR(pick("qemu: no memory\n" LINE("info", "ends")), "qemu: no memory");
	CHECK_STR(pick("qemu: one\r\nqemu: two"), "qemu: two");
}

/* Who meets the end of another one complains too, and later. */
TEST(who_is_to_blame_has_the_word)
{
	static const char both[] = LINE("error", "no disk") "qemu: no socket\n";

	CHECK_STR(pick_blaming("sbx-fs", both), "sbx-fs: no disk");
	CHECK_STR(pick_blaming("qemu", both), "qemu: no socket");
	CHECK_STR(pick_blaming("sbx-blk", both), "qemu: no socket");
	CHECK_STR(pick_blaming("sbx-fs", LINE("info", "ends") "qemu: no socket\n"),
		  "qemu: no socket");
}

TEST(nothing_and_nonsense)
{
	CHECK_STR(pick(""), "");
	CHECK_STR(pick("\n\r\n"), "");
	CHECK_STR(pick("{\"level\":1}\n"), "{\"level\":1}");
	CHECK_STR(pick("a\x1b[2Jb\x80"), "a?[2Jb?");
}

TEST(a_long_line_is_cut)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	CHECK_EQ(strlen(pick(text)), 63);
}

static const char *pick_console(const char *text)
{
	static char result[64];
	char *copy = strdup(text);

	words_pick_console(copy, result, sizeof(result));
	free(copy);
	return result;
}

TEST(a_console_tells_of_a_panic_only)
{
	CHECK_STR(pick_console(""), "");
	CHECK_STR(pick_console("[    0.1] pci 0000:00:01.0: [1af4:1042] type 00\r\n"), "");
	CHECK_STR(pick_console(
			  "[  1.5] BUG: bad page\n[  1.6] Kernel panic - not syncing: no init\r\n"
			  "[  1.7] BUG: more\n[  1.7] Rebooting in 0 seconds..\n"),
		  "Kernel panic - not syncing: no init");
	CHECK_STR(pick_console("sbx-init: cannot mount /dev/vda\x1b\nreboot: Power down\n"),
		  "sbx-init: cannot mount /dev/vda?");
	CHECK_STR(pick_console("[x] BUG: quoted\n echo Oops: 1\n"), "");
	CHECK_STR(pick_console("[12.0] Oops: 0002 [#1]\nsbx-init: late"), "sbx-init: late");
}

TEST_MAIN()
