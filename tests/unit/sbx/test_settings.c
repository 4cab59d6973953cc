#include "sbx/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

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

TEST(words_are_values)
{
	static const struct {
		const char *key, *words[3], *json; /* NULL: refused */
	} cases[] = {
		{ "kit.allowLocalKits", { "true" }, "true" },
		{ "kit.allowLocalKits", { "yes" }, NULL },
		{ "kit.allowLocalKits", { "true", "false" }, NULL },
		{ "kit.allowedSources", { "docker.io/" }, "[\"docker.io/\"]" },
		{ "kit.allowedSources", { "a/", "b/" }, "[\"a/\",\"b/\"]" },
		{ "kit.allowedSources", { "[]" }, "[]" },
		{ "kit.allowedSources", { "[\"a/\"]" }, "[\"a/\"]" },
		{ "kit.allowedSources", { "[1]" }, NULL },
		{ "kit.allowedSources", { "\xff" }, NULL },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct err err = ERR_INIT;
		const struct setting *setting = settings_find(cases[i].key, &err);
		size_t count = 0;
		json_t *value = NULL;
		char *text;
		int r;

		while (count < 3 && cases[i].words[count] != NULL)
			count++;
		r = settings_parse(setting, cases[i].words, count, &value, &err);
		CHECK_EQ(r, cases[i].json != NULL ? 0 : -EINVAL);
		CHECK_EQ(err.text[0] != '\0', r < 0);
		text = r == 0 ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
		if (text != NULL)
			CHECK_STR(text, cases[i].json);
		free(text);
		json_decref(value);
	}
}

TEST(what_is_written_is_read_back)
{
	struct err err = ERR_INIT;
	json_t *said;

	CHECK_EQ(read_text("{}", &said, &err), 0);
	json_decref(said);
	said = json_pack("{s:b}", "kit.requireSignature", 1);
	CHECK_EQ(settings_write(said, &err), 0);
	json_decref(said);
	CHECK_EQ(settings_read_said(&said, &err), 0);
	CHECK_EQ(json_object_size(said), 1);
	CHECK(json_is_true(json_object_get(said, "kit.requireSignature")));
	json_decref(said);
	CHECK(settings_find("kit.requireSignatur", &err) == NULL);
	CHECK(strstr(err.text, "kit.requireSignature") != NULL);
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

TEST(without_home_the_system_knows_where_it_is)
{
	const struct passwd *user = getpwuid(getuid());
	char *path;

	(void)unsetenv("XDG_CONFIG_HOME");
	(void)setenv("HOME", "relative", 1);
	path = settings_path("settings.json");
	CHECK(user != NULL && path != NULL);
	CHECK(strncmp(path, user->pw_dir, strlen(user->pw_dir)) == 0);
	CHECK_STR(path + strlen(user->pw_dir), "/.config/sbx/settings.json");
	free(path);
}

TEST_MAIN()
