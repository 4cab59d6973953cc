#include "sbx/kit_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

#define SPEC "schemaVersion: \"2\"\nkind: mixin\nname: k\n"

static char top[] = "/tmp/kit-source-XXXXXX";

static void put(const char *path, const char *text)
{
	char whole[256];
	char *slash;

	(void)snprintf(whole, sizeof(whole), "%s/%s", top, path);
	slash = strrchr(whole, '/');
	*slash = '\0';
	(void)file_make_folders(whole, 0700);
	*slash = '/';
	(void)file_write(AT_FDCWD, whole, text, strlen(text), 0600);
}

static void begin(void)
{
	(void)snprintf(top, sizeof(top), "/tmp/kit-source-XXXXXX");
	(void)mkdtemp(top);
	(void)setenv("XDG_CONFIG_HOME", top, 1);
	(void)setenv("SBX_KITS", top, 1);
	put("k/spec.yaml", SPEC);
	put("k/files/home/.config/x", "1");
	put("k/files/workspace/y", "2");
	put("k/files/else/z", "3");
	(void)chdir(top);
}

static int fetch(const char *reference, const struct kit_bundle *from, struct kit_bundle *ret,
		 struct err *err)
{
	return kit_source_fetch.fetch(NULL, reference, from, ret, err);
}

TEST(references_look_different)
{
	static const struct {
		const char *reference;
		enum kit_source_kind kind;
	} rows[] = {
		{ "claude", KIT_SOURCE_BUILTIN },      { "./claude", KIT_SOURCE_FOLDER },
		{ "..", KIT_SOURCE_FOLDER },	       { "/a", KIT_SOURCE_FOLDER },
		{ "../a.zip", KIT_SOURCE_ZIP },	       { "git+https://h/a", KIT_SOURCE_GIT },
		{ "git+file:///a", KIT_SOURCE_GIT },   { "a/b", KIT_SOURCE_OCI },
		{ "docker.io/a/b:1", KIT_SOURCE_OCI }, { "oci://r.io/a/b", KIT_SOURCE_OCI },
		{ "https://h/a", KIT_SOURCE_NONE },    { "file:///a", KIT_SOURCE_NONE },
		{ "a.zip", KIT_SOURCE_NONE },	       { "", KIT_SOURCE_NONE },
		{ "-x/y", KIT_SOURCE_NONE },
	};

	for (size_t i = 0; i < countof(rows); i++)
		CHECK_EQ(kit_source_kind(rows[i].reference), rows[i].kind);
}

TEST(sources_are_allowed_by_whole_parts)
{
	static const struct {
		const char *prefix, *name;
		bool want;
	} rows[] = {
		{ "docker.io/", "docker.io/a/b", true },
		{ "docker.io", "docker.io/a/b", true },
		{ "docker.io/me", "docker.io/me/b", true },
		{ "docker.io/me", "docker.io/meow/b", false },
		{ "docker.io/", "docker.io.evil.com/a", false },
		{ "docker.io/", "evil.com/docker.io/a", false },
		{ "https://h.com/a", "https://h.com/a", true },
		{ "*", "anything", true },
		{ "", "anything", false },
		{ "/", "anything", false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		json_t *list = json_pack("[s]", rows[i].prefix);
		bool got = kit_source_is_allowed(list, rows[i].name);

		json_decref(list);
		if (got != rows[i].want)
			TEST_FAIL_("'%s' for '%s'", rows[i].name, rows[i].prefix);
	}
}

TEST(a_folder)
{
	autocall(kit_bundle_finish) struct kit_bundle bundle = { .name = NULL };
	struct err err = ERR_INIT;

	begin();
	CHECK_EQ(fetch("./k", NULL, &bundle, &err), 0);
	CHECK_EQ(bundle.count, 2);
	CHECK_STR(bundle.files[0].path, "home/.config/x");
	CHECK_STR(bundle.stray, "else/z");
	CHECK_STR(bundle.handle, "k");
	CHECK(!bundle.is_builtin);
	(void)file_remove_tree(AT_FDCWD, top);
}

TEST(a_kit_of_this_program)
{
	autocall(kit_bundle_finish) struct kit_bundle bundle = { .name = NULL };
	struct err err = ERR_INIT;

	begin();
	CHECK(kit_source_is_builtin("k"));
	CHECK(!kit_source_is_builtin("none"));
	CHECK(!kit_source_is_builtin("./k"));
	CHECK_EQ(fetch("k", NULL, &bundle, &err), 0);
	CHECK(bundle.is_builtin);
	CHECK_EQ(fetch("none", NULL, &bundle, &err), -ENOENT);
	(void)file_remove_tree(AT_FDCWD, top);
}

TEST(paths_in_a_kit_start_from_its_folder)
{
	struct kit_bundle from = { .name = NULL }, bundle = { .name = NULL };
	struct err err = ERR_INIT;

	begin();
	put("k/parent/spec.yaml", SPEC);
	CHECK_EQ(fetch("./k", NULL, &from, &err), 0);
	CHECK_EQ(fetch("./parent", &from, &bundle, &err), 0);
	kit_bundle_finish(&bundle);
	kit_bundle_finish(&from);
	/* one that came from elsewhere has no folder */
	CHECK_EQ(kit_bundle_init(&from, "far"), 0);
	CHECK_EQ(fetch("./k", &from, &bundle, &err), -EPERM);
	kit_bundle_finish(&from);
	(void)file_remove_tree(AT_FDCWD, top);
}

TEST(what_settings_forbid)
{
	static const struct {
		const char *settings, *reference, *words;
	} rows[] = {
		{ "{}", "r.io/a/b", "its source is not in your allowlist" },
		{ "{}", "git+https://h.com/a", "its source is not in your allowlist" },
		{ "{\"kit.allowLocalKits\":false}", "./k", "turned off" },
		{ "{\"kit.requireSignature\":true}", "./k", "is not signed" },
		{ "{\"kit.allowedSources\":1}", "./k", "must be a list" },
	};

	begin();
	for (size_t i = 0; i < countof(rows); i++) {
		struct kit_bundle bundle = { .name = NULL };
		struct err err = ERR_INIT;

		put("sbx/settings.json", rows[i].settings);
		if (fetch(rows[i].reference, NULL, &bundle, &err) == 0 ||
		    strstr(err.text, rows[i].words) == NULL)
			TEST_FAIL_("row %zu: %s", i, err.text);
	}
	(void)file_remove_tree(AT_FDCWD, top);
}

TEST(what_a_kit_extends_must_not_move)
{
	static const char *const references[] = { "docker.io/a/b:1",
						  "git+https://h.com/a#ref=main" };
	struct kit_bundle from = { .name = NULL }, bundle = { .name = NULL };

	begin();
	put("sbx/settings.json", "{\"kit.allowedSources\":[\"*\"]}");
	CHECK_EQ(kit_bundle_init(&from, "far"), 0);
	for (size_t i = 0; i < countof(references); i++) {
		struct err err = ERR_INIT;

		CHECK_EQ(fetch(references[i], &from, &bundle, &err), -EPERM);
		CHECK(strstr(err.text, "which may change at any time") != NULL);
	}
	kit_bundle_finish(&from);
	(void)file_remove_tree(AT_FDCWD, top);
}

TEST(what_is_no_regular_file)
{
	struct kit_bundle bundle = { .name = NULL };
	struct err err = ERR_INIT;

	begin();
	(void)symlink("/etc/passwd", "k/files/home/link");
	CHECK_EQ(fetch("./k", NULL, &bundle, &err), -EPERM);
	CHECK(strstr(err.text, "files/home/link is a link") != NULL);
	(void)unlink("k/files/home/link");
	(void)mkfifo("k/files/home/pipe", 0600);
	CHECK_EQ(fetch("./k", NULL, &bundle, &err), 0);
	CHECK_EQ(bundle.count, 2);
	kit_bundle_finish(&bundle);
	(void)unlink("k/spec.yaml");
	CHECK_EQ(fetch("./k", NULL, &bundle, &err), -ENOENT);
	(void)mkfifo("k/spec.yaml", 0600);
	CHECK_EQ(fetch("./k", NULL, &bundle, &err), -EPERM);
	(void)unlink("k/spec.yaml");
	(void)symlink("../other.yaml", "k/spec.yaml");
	put("other.yaml", SPEC);
	CHECK_EQ(fetch("./k", NULL, &bundle, &err), -EPERM);
	(void)file_remove_tree(AT_FDCWD, top);
}

TEST_MAIN()
