#include "sbx/mounts.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

static const char *text_of(const json_t *mounts, size_t i, const char *member)
{
	return json_string_value(json_object_get(json_array_get(mounts, i), member));
}

static bool is_read_only(const json_t *mounts, size_t i)
{
	return json_is_true(json_object_get(json_array_get(mounts, i), "read_only"));
}

TEST(paths_and_specs)
{
	json_t *mounts = json_array();
	struct err err = ERR_INIT;
	char here[PATH_MAX], odd[PATH_MAX + 16];

	CHECK(getcwd(here, sizeof(here)) != NULL);
	CHECK_EQ(mounts_add_path(mounts, ".", &err), 0);
	CHECK_EQ(mounts_add_path(mounts, "/dev/../dev/null:ro", &err), 0);
	CHECK_EQ(mounts_add_spec(mounts, "/dev:/data", &err), 0);
	CHECK_EQ(mounts_add_spec(mounts, ".:/data/sub:ro", &err), 0);
	CHECK_EQ(mounts_add_spec(mounts, "/dev:rw", &err), 0);
	CHECK_STR(text_of(mounts, 0, "source"), here);
	CHECK_STR(text_of(mounts, 0, "target"), here);
	CHECK(!is_read_only(mounts, 0));
	CHECK_STR(text_of(mounts, 1, "source"), "/dev/null");
	CHECK(is_read_only(mounts, 1));
	CHECK_STR(text_of(mounts, 2, "target"), "/data");
	CHECK_STR(text_of(mounts, 3, "source"), here);
	CHECK_STR(text_of(mounts, 3, "target"), "/data/sub");
	CHECK(is_read_only(mounts, 3));
	CHECK_STR(text_of(mounts, 4, "target"), "/dev");
	/* A source may hold colons of its own. */
	CHECK(mkdir("a:b c", 0700) == 0 || errno == EEXIST);
	(void)snprintf(odd, sizeof(odd), "%s/a:b c", here);
	CHECK_EQ(mounts_add_spec(mounts, "a:b c:/x", &err), 0);
	CHECK_EQ(mounts_add_path(mounts, "a:b c", &err), 0);
	(void)rmdir("a:b c");
	CHECK_STR(text_of(mounts, 5, "source"), odd);
	CHECK_STR(text_of(mounts, 5, "target"), "/x");
	CHECK_STR(text_of(mounts, 6, "target"), odd);
	json_decref(mounts);
}

TEST(refusals)
{
	json_t *mounts = json_array();
	struct err err = ERR_INIT;
	char long_path[2 * PATH_MAX];

	CHECK_EQ(mounts_add_path(mounts, "no/such/thing", &err), -ENOENT);
	CHECK_STR(err.text, "there is no file or folder 'no/such/thing' to share");
	CHECK_EQ(mounts_add_path(mounts, "/dev/null/x:ro", &err), -ENOENT);
	CHECK_STR(err.text, "there is no file or folder '/dev/null/x' to share");
	CHECK_EQ(mounts_add_path(mounts, "", &err), -ENOENT);
	memset(long_path, '/', sizeof(long_path));
	memset(long_path + 1, 'a', sizeof(long_path) - 2);
	long_path[sizeof(long_path) - 1] = '\0';
	CHECK_EQ(mounts_add_path(mounts, long_path, &err), -ENAMETOOLONG);
	CHECK(mkdir("bad-\xff", 0700) == 0 || errno == EEXIST);
	CHECK_EQ(mounts_add_path(mounts, "bad-\xff", &err), -EINVAL);
	(void)rmdir("bad-\xff");
	CHECK(strstr(err.text, "is not UTF-8") != NULL);
	CHECK_EQ(json_array_size(mounts), 0);
	json_decref(mounts);
}

TEST_MAIN()
