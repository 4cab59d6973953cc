#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "sbxd/secret_source.h"
#include "tests/unit/test.h"

static int ask(const char *command, bool show, char **value, struct err *err)
{
	const struct secret_source source = { .command = command };
	size_t len = 0;
	int r = secret_source_ask(&source, show, value, &len, err);

	return r == 0 && strlen(*value) != len ? 1 : r;
}

TEST(what_a_command_prints_is_the_value)
{
	struct err err = ERR_INIT;
	char *value = NULL;

	CHECK_EQ(ask("printf '\\n  a value \\n\\n'", false, &value, &err), 0);
	CHECK_STR(value, "a value");
	sodium_free(value);
}

TEST(it_runs_in_a_folder_of_its_own_that_is_gone_afterwards)
{
	struct err err = ERR_INIT;
	char *value = NULL;

	CHECK_EQ(ask("touch x; pwd", false, &value, &err), 0);
	CHECK(strstr(value, "sbx-secret-") != NULL);
	CHECK(access(value, F_OK) < 0);
	sodium_free(value);
}

TEST(it_has_no_input_and_default_signals)
{
	struct err err = ERR_INIT;
	char *value = NULL;

	CHECK_EQ(ask("cat; kill -PIPE $$; echo lived", false, &value, &err), -EINVAL);
	CHECK_EQ(ask("wc -c", false, &value, &err), 0);
	CHECK_STR(value, "0");
	sodium_free(value);
}

TEST(failures_say_nothing_of_what_it_printed_unless_asked)
{
	struct err err = ERR_INIT;
	char *value = NULL;

	CHECK_EQ(ask("echo hush; echo loud >&2; exit 3", false, &value, &err), -EINVAL);
	CHECK(strstr(err.text, "loud") == NULL && strstr(err.text, "hush") == NULL);
	CHECK_EQ(ask("echo hush; echo loud >&2; exit 3", true, &value, &err), -EINVAL);
	CHECK(strstr(err.text, "loud") != NULL && strstr(err.text, "hush") == NULL);
}

TEST(what_can_be_no_value_is_refused)
{
	struct err err = ERR_INIT;
	char *value = NULL;

	CHECK_EQ(ask("true", false, &value, &err), -EINVAL);
	CHECK_EQ(ask("printf 'a\\nb'", false, &value, &err), -EINVAL);
	CHECK_EQ(ask("printf 'a\\033b'", false, &value, &err), -EINVAL);
	CHECK_EQ(ask("head -c 20000 /dev/zero | tr '\\0' x", false, &value, &err), -EMSGSIZE);
	CHECK_EQ(ask("yes", false, &value, &err), -EMSGSIZE);
	CHECK(value == NULL);
}

TEST(references)
{
	static const struct {
		const char *ref;
		int r;
	} cases[] = {
		{ "op://vault/item/field", 0 },
		{ "arn:aws:secretsmanager:eu:1:secret:x", 0 },
		{ "pass://a/b", 0 },
		{ "plain", -EINVAL },
		{ "", -EINVAL },
		{ "://x", -EINVAL },
		{ "../x://y", -EINVAL },
		{ "A://y", -EINVAL },
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < countof(cases); i++) {
		const struct secret_source source = { .ref = cases[i].ref };

		if (secret_source_check(&source, &err) != cases[i].r)
			TEST_FAIL_("%s", cases[i].ref);
	}
}

TEST(a_reference_is_resolved_by_a_program_of_its_name)
{
	const struct secret_source missing = { .ref = "nobody-has-this://x" };
	struct err err = ERR_INIT;
	char *value = NULL;
	size_t len;

	CHECK_EQ(secret_source_ask(&missing, false, &value, &len, &err), -ENOENT);
	CHECK(strstr(err.text, "sbx-ref-nobody-has-this") != NULL);
}

TEST_MAIN()
