#include "sbx/report.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "tests/unit/test.h"

TEST(sizes)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ UINT64_C(32) << 30, "32 GiB" },
		{ UINT64_MAX, "16777216 TiB" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		char text[32];

		report_size(cases[i].bytes, text, sizeof(text));
		CHECK_STR(text, cases[i].text);
	}
}

TEST(nobody_can_be_asked)
{
	struct err err = ERR_INIT;
	int saved = dup(STDIN_FILENO), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r;

	(void)dup2(null, STDIN_FILENO);
	r = report_confirm(false, "Sure?", &err);
	(void)dup2(saved, STDIN_FILENO);
	(void)close(saved);
	(void)close(null);
	CHECK_EQ(r, -ENOTTY);
	CHECK_STR(err.text, "stdin is not a terminal; use --force to skip confirmation");
	CHECK_EQ(report_confirm(true, "Sure?", &err), 0);
}

TEST_MAIN()
