#include "sbxd/route.h"

#include <errno.h>

#include "base/err.h"
#include "tests/unit/test.h"

static struct route_path path;
static const char *args[REQUEST_ARGS_MAX];

static int find(const char *method, const char *text, const struct route **ret)
{
	int r = route_split(text, &path);

	args[0] = args[1] = NULL;
	return r < 0 ? r : route_find(method, &path, args, ret);
}

TEST(paths_find_their_handler)
{
	const struct route *route = NULL;

	CHECK_EQ(find("GET", "/daemon/health", &route), 0);
	CHECK_STR(route->path, "/daemon/health");
	CHECK_EQ(find("GET", "/sandbox", &route), 0);
	CHECK_EQ(find("DELETE", "/sandbox/demo", &route), 0);
	CHECK_STR(args[0], "demo");
	CHECK_EQ(find("POST", "/sandbox/demo/exec/7/kill", &route), 0);
	CHECK_STR(args[0], "demo");
	CHECK_STR(args[1], "7");
}

TEST(wrong_methods_are_told_from_wrong_paths)
{
	const struct route *route = NULL;

	CHECK_EQ(find("PUT", "/sandbox/demo", &route), -EPROTOTYPE);
	CHECK_EQ(find("GET", "/sandboxes", &route), -ENOENT);
	CHECK_EQ(find("GET", "/sandbox/demo/nothing", &route), -ENOENT);
	CHECK_EQ(find("GET", "/", &route), -ENOENT);
}

TEST(odd_paths_are_refused)
{
	char long_path[ROUTE_PATH_MAX + 10];

	CHECK_EQ(route_split("sandbox", &path), -ENOENT);
	CHECK_EQ(route_split("", &path), -ENOENT);
	CHECK_EQ(route_split("//sandbox", &path), -ENOENT);
	CHECK_EQ(route_split("/sandbox/", &path), -ENOENT);
	CHECK_EQ(route_split("/a/b/c/d/e/f/g", &path), -ENOENT);
	memset(long_path, 'a', sizeof(long_path));
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	CHECK_EQ(route_split(long_path, &path), -ENAMETOOLONG);
}

TEST(names_are_decoded_after_the_path_is_taken_apart)
{
	const struct route *route = NULL;

	CHECK_EQ(find("GET", "/sandbox/a%2Fstop?x=/y", &route), 0);
	CHECK_STR(route->path, "/sandbox/{}");
	CHECK_STR(args[0], "a/stop");
	CHECK_EQ(find("GET", "/sandbox/%64emo%c3%A9", &route), 0);
	CHECK_STR(args[0], "demo\xc3\xa9");
	CHECK_EQ(route_split("/sandbox/a%00b", &path), -ENOENT);
	CHECK_EQ(route_split("/sandbox/a%2", &path), -ENOENT);
	CHECK_EQ(route_split("/sandbox/a%", &path), -ENOENT);
	CHECK_EQ(route_split("/sandbox/a%g0", &path), -ENOENT);
}

static int parse(const char *text)
{
	struct err err = ERR_INIT;
	json_t *json = NULL;
	int r = route_parse_body(text, strlen(text), &json, &err);

	json_decref(json);
	return r;
}

TEST(bodies)
{
	CHECK_EQ(parse(""), 0);
	CHECK_EQ(parse("{}"), 0);
	CHECK_EQ(parse("{\"a\":1}"), 0);
	CHECK_EQ(parse("[]"), -EINVAL);
	CHECK_EQ(parse("{\"a\":1,\"a\":2}"), -EINVAL);
	CHECK_EQ(parse("{} trailing"), -EINVAL);
	CHECK_EQ(parse("{\"a\":\"\\u0000\"}"), -EINVAL);
	CHECK_EQ(parse("null"), -EINVAL);
}

TEST(errors_have_their_status)
{
	CHECK_EQ(request_status_of(-EINVAL), 400);
	CHECK_EQ(request_status_of(-ENOENT), 404);
	CHECK_EQ(request_status_of(-EEXIST), 409);
	CHECK_EQ(request_status_of(-ENOSPC), 507);
	CHECK_EQ(request_status_of(-EIO), 500);
}

TEST_MAIN()
