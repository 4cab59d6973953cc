#include "sbx/kit_consent.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

/* A configuration folder of one's own, and nobody at the terminal. */
static void begin(char folder[])
{
	autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)dup2(null, STDIN_FILENO);
	(void)mkdtemp(folder);
	(void)setenv("XDG_CONFIG_HOME", folder, 1);
}

static int consent(const char *strangers, bool yes, struct err *err)
{
	json_t *list = json_loads(strangers, 0, NULL);
	int r = kit_consent(list, yes, err);

	json_decref(list);
	return r;
}

#define KIT(source, digest, asks) \
	"{\"name\":\"k\",\"source\":\"" source "\",\"digest\":\"" digest "\",\"asks\":[" asks "]}"

TEST(what_was_approved_is_remembered)
{
	char folder[] = "/tmp/consent-XXXXXX";
	struct err err = ERR_INIT;

	begin(folder);
	CHECK_EQ(consent("[]", false, &err), 0);
	CHECK_EQ(consent("[" KIT("a", "1", "") "]", false, &err), 0);
	CHECK_EQ(consent("[" KIT("a", "1", "\"x\",\"y\",\"z\"") "]", false, &err), -ENOTTY);
	CHECK_STR(err.text,
		  "the kit 'k' asks for x and 2 more, which nobody has approved; read "
		  "'sbx kit inspect REF', then run this at a terminal or with --yes");
	CHECK_EQ(consent("[" KIT("a", "1", "\"x\",\"y\"") "]", true, &err), 0);
	CHECK_EQ(consent("[" KIT("a", "1", "\"y\",\"x\"") "]", false, &err), 0);
	/* another content that asks for less goes on, and then what it gave up is new */
	CHECK_EQ(consent("[" KIT("a", "2", "\"x\"") "]", false, &err), 0);
	CHECK_EQ(consent("[" KIT("a", "2", "\"x\",\"y\"") "]", false, &err), -ENOTTY);
	CHECK_STR(err.text,
		  "the kit 'k' asks for y, which is more than was approved; read "
		  "'sbx kit inspect REF', then run this at a terminal or with --yes");
	CHECK_EQ(consent("[" KIT("b", "1", "\"x\"") "]", false, &err), -ENOTTY);
	(void)file_remove_tree(AT_FDCWD, folder);
}

TEST(one_refusal_writes_nothing)
{
	char folder[] = "/tmp/consent-XXXXXX";
	struct err err = ERR_INIT;

	begin(folder);
	CHECK_EQ(consent("[" KIT("a", "1", "\"x\"") "]", true, &err), 0);
	CHECK_EQ(consent("[" KIT("a", "2", "") "," KIT("b", "1", "\"x\"") "]", false, &err),
		 -ENOTTY);
	CHECK_EQ(consent("[" KIT("a", "1", "\"x\"") "]", false, &err), 0);
	(void)file_remove_tree(AT_FDCWD, folder);
}

TEST(a_damaged_file_agrees_to_nothing)
{
	char folder[] = "/tmp/consent-XXXXXX", path[64];
	struct err err = ERR_INIT;

	begin(folder);
	CHECK_EQ(consent("[" KIT("a", "1", "\"x\"") "]", true, &err), 0);
	(void)snprintf(path, sizeof(path), "%s/sbx/kits.json", folder);
	CHECK_EQ(file_write(AT_FDCWD, path, "{\"a\":", 5, 0600), 0);
	CHECK_EQ(consent("[" KIT("a", "1", "\"x\"") "]", false, &err), -EINVAL);
	CHECK(strstr(err.text, "is damaged") != NULL);
	(void)file_remove_tree(AT_FDCWD, folder);
}

TEST_MAIN()
