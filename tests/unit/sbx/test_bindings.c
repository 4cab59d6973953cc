#include "sbx/bindings.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/asks.h"
#include "tests/unit/test.h"

static char folder[] = "/tmp/bindings-XXXXXX", path[64];

static void begin(void)
{
	if (path[0] == '\0') {
		(void)mkdtemp(folder);
		(void)setenv("XDG_CONFIG_HOME", folder, 1);
		(void)snprintf(path, sizeof(path), "%s/sbx/credentials.yaml", folder);
	}
	(void)unlink(path);
}

/* All of them as one line; weak until the next call. */
static const char *all(void)
{
	static char line[1024];
	static struct err err;
	json_t *bindings;
	char *text;

	err = (struct err)ERR_INIT;
	if (bindings_read(&bindings, &err) < 0)
		return err.text;
	text = json_dumps(bindings, JSON_COMPACT | JSON_SORT_KEYS);
	(void)snprintf(line, sizeof(line), "%s", text);
	free(text);
	json_decref(bindings);
	return line;
}

static int change(int (*how)(const json_t *, struct err *), const char *text)
{
	struct err err = ERR_INIT;
	json_t *bindings = json_loads(text, 0, NULL);
	int r = how(bindings, &err);

	json_decref(bindings);
	return r;
}

#define GITHUB "{\"github\":{\"apiKey\":{\"domains\":[\"api.github.com\"]}}}"

TEST(what_is_added_is_there_until_it_is_removed)
{
	begin();
	CHECK_STR(all(), "{}");
	CHECK_EQ(change(bindings_remove, GITHUB), 0);
	CHECK_EQ(change(bindings_add, GITHUB), 0);
	CHECK_EQ(change(bindings_add, GITHUB), 0);
	CHECK_STR(all(), GITHUB);
	CHECK_EQ(change(bindings_add,
			"{\"github\":{\"oauth\":{\"domains\":[\"x.com:8443\"]},"
			"\"apiKey\":{\"domains\":[\"*.g.com\"]}},\"x\":{}}"),
		 0);
	CHECK_STR(all(),
		  "{\"github\":{\"apiKey\":{\"domains\":[\"api.github.com\",\"*.g.com\"]},"
		  "\"oauth\":{\"domains\":[\"x.com:8443\"]}}}");
	CHECK_EQ(change(bindings_remove, GITHUB), 0);
	CHECK_STR(all(), "{}");
}

TEST(a_wrong_file_is_refused_and_stays)
{
	begin();
	CHECK_EQ(change(bindings_add, GITHUB), 0);
	CHECK_EQ(file_write(AT_FDCWD, path, "bindings: [x]\n", 14, 0600), 0);
	CHECK(strstr(all(), "credentials.yaml:1") != NULL);
	CHECK_EQ(change(bindings_add, GITHUB), -EBADMSG);
	CHECK_EQ(change(bindings_remove, GITHUB), -EBADMSG);
}

TEST(sentences_that_are_bound)
{
	json_t *bindings = json_loads(
		"{\"github\":{\"apiKey\":{\"domains\":[\"a.com\"]},\"oauth\":{\"domains\":["
		"\"b.com\"]}}}",
		0, NULL);

	CHECK(kit_ask_is_bound(bindings, "the credential 'github', sent to a.com"));
	CHECK(kit_ask_is_bound(bindings, "the login 'github', sent to b.com"));
	CHECK(!kit_ask_is_bound(bindings, "the credential 'github', sent to b.com"));
	CHECK(!kit_ask_is_bound(bindings, "the credential 'gitlab', sent to a.com"));
	CHECK(!kit_ask_is_bound(bindings, "network access to a.com"));
	CHECK(!kit_ask_is_bound(NULL, "the credential 'github', sent to a.com"));
	json_decref(bindings);
}

TEST_MAIN()
