#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/engine.h"
#include "tests/unit/test.h"

TEST(an_unknown_engine_is_named_with_those_there_are)
{
	const struct engine_impl *engine = NULL;
	struct err why = ERR_INIT;

	CHECK_EQ(engine_choose("bochs", &engine, &why), -EINVAL);
	CHECK(strstr(why.text, "bochs") != NULL && strstr(why.text, "qemu") != NULL);
	CHECK(engine == NULL);
}

TEST(auto_says_why)
{
	const struct engine_impl *engine = NULL;
	struct err why = ERR_INIT;

	if (access("/usr/bin/qemu-system-x86_64", X_OK) < 0)
		SKIP("no QEMU here");
	CHECK_EQ(engine_choose("auto", &engine, &why), 0);
	CHECK(engine != NULL && engine->start != NULL && engine->wait != NULL &&
	      engine->kill != NULL);
	CHECK(why.text[0] != '\0');
}

TEST(a_vm_that_is_gone_can_be_killed)
{
	struct engine_vm vm = { .process = { .pid = getpid(), .start_ticks = 1 } };
	struct err err = ERR_INIT;

	/* our own pid with another start time: another process, long gone */
	CHECK_EQ(engine_qemu.kill(&vm, &err), 0);
}

TEST_MAIN()
