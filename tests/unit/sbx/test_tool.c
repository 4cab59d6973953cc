#include "sbx/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

static int keep(void *context, const void *bytes, size_t len, struct err *err)
{
	return buf_append(context, bytes, len) < 0 ? err_set(err, -ENOBUFS, "enough") : 0;
}

static int run(const char *script, struct buf *output, struct err *err)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const char *const environment[] = { "TOOL_TEST=a b", NULL };

	return tool_run(&(struct tool){ .argv = argv,
					.environment = environment,
					.output = output != NULL ? keep : NULL,
					.context = output },
			err);
}

TEST(output_and_environment)
{
	autocall(buf_finish) struct buf output;
	struct err err = ERR_INIT;

	buf_init(&output, 4096);
	CHECK_EQ(run("cat; echo \"$TOOL_TEST\"; echo said >&2", &output, &err), 0);
	CHECK_STR(buf_str(&output), "a b\n");
	CHECK_EQ(run("echo dropped", NULL, &err), 0);
}

TEST(the_last_words_of_what_failed)
{
	struct err err = ERR_INIT;

	CHECK_EQ(run("seq 1000 >&2; echo the end >&2; exit 3", NULL, &err), -EIO);
	CHECK(strncmp(err.text, "sh failed: ", 11) == 0);
	CHECK(strlen(err.text) < 600);
	CHECK_STR(err.text + strlen(err.text) - 12, "1000 the end");
	CHECK_EQ(run("kill -9 $$", NULL, &err), -EIO);
}

TEST(a_program_that_is_not_there)
{
	const char *const argv[] = { "no-such-program-here", NULL };
	struct err err = ERR_INIT;

	CHECK_EQ(tool_run(&(struct tool){ .argv = argv }, &err), -ENOENT);
	CHECK_STR(err.text, "'no-such-program-here' is not installed on this machine");
}

/* A flood is ended, not drained. */
TEST(a_callback_that_has_had_enough)
{
	autocall(buf_finish) struct buf output;
	struct err err = ERR_INIT;

	buf_init(&output, 100000);
	CHECK_EQ(run("exec yes", &output, &err), -ENOBUFS);
	CHECK_STR(err.text, "enough");
}

TEST(a_folder_of_ones_own)
{
	autofree char *path = NULL;
	struct err err = ERR_INIT;

	CHECK_EQ(tool_make_folder(&path, &err), 0);
	CHECK_EQ(rmdir(path), 0);
}

TEST_MAIN()
