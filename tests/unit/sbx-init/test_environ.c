#include "sbx-init/environ.h"

#include <errno.h>

#include "tests/unit/test.h"

TEST(the_last_value_wins)
{
	struct environ env;

	environ_init(&env);
	CHECK_EQ(environ_set(&env, "A=1"), 0);
	CHECK_EQ(environ_put(&env, "AB", "2"), 0);
	CHECK_EQ(environ_set(&env, "A=3=4"), 0);
	CHECK_EQ(env.count, 2);
	CHECK_STR(env.lines[0], "A=3=4");
	CHECK_STR(environ_get(&env, "AB"), "2");
	CHECK(environ_get(&env, "B") == NULL);
	CHECK(env.lines[2] == NULL);
	environ_finish(&env);
}

TEST(a_line_is_a_name_and_a_value)
{
	struct environ env;

	environ_init(&env);
	CHECK_EQ(environ_set(&env, "A"), -EINVAL);
	CHECK_EQ(environ_set(&env, "=1"), -EINVAL);
	CHECK_EQ(environ_set(&env, "A="), 0);
	CHECK_EQ(env.count, 1);
	environ_finish(&env);
}

TEST(there_is_a_limit)
{
	static struct environ env;
	char key[16];

	environ_init(&env);
	for (int i = 0; i < ENVIRON_MAX; i++) {
		(void)snprintf(key, sizeof(key), "K%d", i);
		CHECK_EQ(environ_put(&env, key, "v"), 0);
	}
	CHECK_EQ(environ_set(&env, "X=1"), -E2BIG);
	CHECK_EQ(environ_set(&env, "K0=other"), 0);
	CHECK(env.lines[ENVIRON_MAX] == NULL);
	environ_finish(&env);
}

TEST_MAIN()
