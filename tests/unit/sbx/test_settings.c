#include "sbx/settings.h"

#include <errno.h>
#include <fcntl.h>

#include "base/check.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

static char folder[] = "/tmp/settings-XXXXXX";

static int read_text(const char *text, json_t **ret, struct err *err)
{
	char *path;
	int r;

	if (folder[sizeof(folder) - 2] == 'X')
		(void)mkdtemp(folder);
	(void)setenv("XDG_CONFIG_HOME", folder, 1);
	path = settings_path("");
	r = file_make_folders(path, 0700);
	free(path);
	path = settings_path("settings.json");
	if (r == 0)
		r = file_write(AT_FDCWD, path, text, strlen(text), 0600);
	free(path);
	return r == 0 ? settings_read(ret, err) : r;
}

TEST(what_is_not_said_has_a_default)
{
	struct err err = ERR_INIT;
	json_t *settings;

	CHECK_EQ(read_text("{\"kit.allowLocalKits\":false}", &settings, &err), 0);
	CHECK(json_is_false(json_object_get(settings, "kit.allowLocalKits")));
	CHECK(json_is_false(json_object_get(settings, "kit.requireSignature")));
	CHECK_STR(json_string_value(
			  json_array_get(json_object_get(settings, "kit.allowedSources"), 0)),
		  "docker.io/");
	json_decref(settings);
}

TEST(slips_are_refused)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{\"kit.allowLocalKits\":\"no\"}",
		"{\"kit.allowedSource\":[]}",
		"{\"kit.allowedSources\":[1]}",
		"{\"kit.allowedSources\":\"*\"}",
		"{\"kit.allowLocalKits\":false,\"kit.allowLocalKits\":true}",
	};

	for (size_t i = 0; i < countof(texts); i++) {
		struct err err = ERR_INIT;
		json_t *settings;

		if (read_text(texts[i], &settings, &err) != -EINVAL)
			TEST_FAIL_("taken: %s", texts[i]);
	}
	(void)file_remove_tree(AT_FDCWD, folder);
}

TEST_MAIN()
