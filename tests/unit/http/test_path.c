#include "http/path.h"

#include <errno.h>

#include "base/check.h"
#include "tests/unit/test.h"

static const char *canonical(struct buf *buf, const char *target)
{
	buf_clear(buf);
	return http_path_canonical(target, buf) == 0 ? buf_str(buf) : NULL;
}

TEST(paths_have_one_form)
{
	static const char *const cases[][2] = {
		{ "/", "/" },
		{ "/?a=/../b", "/" },
		{ "/a", "/a" },
		{ "/a/", "/a" },
		{ "/a//b", "/a/b" },
		{ "//a", "/a" },
		{ "///", "/" },
		{ "/./a/./b/.", "/a/b" },
		{ "/a/../b", "/b" },
		{ "/a/b/../../c", "/c" },
		{ "/a/..", "/" },
		{ "/a/b/..", "/a" },
		{ "/a/%2e%2E/b", "/b" },
		{ "/a/.%2e/b", "/b" },
		{ "/%2e/a", "/a" },
		{ "/...", "/..." },
		{ "/a/..b", "/a/..b" },
		{ "/%61%2Db%7ec", "/a-b~c" },
		{ "/%40scope/pkg", "/@scope/pkg" },
		{ "/a%2bb", "/a+b" },
		{ "/a%20b", "/a%20b" },
		{ "/a%c3%a9", "/a%C3%A9" },
		{ "/a%E9", "/a%E9" },
		{ "/a{b}|\"<>^`", "/a%7Bb%7D%7C%22%3C%3E%5E%60" },
		{ "/100%25", "/100%25" },
		{ "/100%25x", "/100%25x" },
		{ "/A/b", "/A/b" },
		{ "/a%3fb", "/a%3Fb" },
		{ "/a%23b", "/a%23b" },
		{ "/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,=" },
	};
	struct buf buf;

	buf_init(&buf, 1024);
	for (size_t i = 0; i < countof(cases); i++)
		CHECK_STR(canonical(&buf, cases[i][0]), cases[i][1]);
	buf_finish(&buf);
}

TEST(p13_what_can_be_read_in_two_ways_has_none)
{
	static const char *const cases[] = {
		"",
		"a",
		"*",
		"http://a/",
		"/..",
		"/../a",
		"/a/../../b",
		"/%2e%2e/a",
		"/a%2fb",
		"/a%2Fb",
		"/a%5cb",
		"/a\\b",
		"/a%00",
		"/a%0a",
		"/a%7f",
		"/a;b",
		"/a;b=c/d",
		"/a%3bb",
		"/a%252fb",
		"/a%25%32%66",
		"/a%2%35ff",
		"/%2525",
		"/%",
		"/%2",
		"/%g1",
		"/%u002f",
		"/a%c0%af",
		"/a%c1%9c",
		"/a%e0%80%af",
		"/a%f0%80%80%af",
		"/a%f5",
		"/a#b",
		"/a b",
		"/\xc3\xa9",
		"/a%ff",
		"/a/..;/b",
		"/a\tb",
		"/a/%2e%2e/..",
		"/..%2fa",
		"/a%5c..%5cb",
	};
	struct buf buf;

	buf_init(&buf, 1024);
	CHECK_EQ(buf_append(&buf, "kept", 4), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		int r = http_path_canonical(cases[i], &buf);

		if (r != -EINVAL)
			printf("# %s gives %d\n", cases[i], r);
		CHECK_EQ(r, -EINVAL);
		CHECK_STR(buf_str(&buf), "kept");
	}
	buf_finish(&buf);
}

TEST(a_canonical_path_is_its_own_form)
{
	static const char *const cases[] = { "/a/./b//c/%20%2e%2e%20/%7B", "/%40/x%C3%A9/..." };
	struct buf once, twice;

	buf_init(&once, 1024);
	buf_init(&twice, 1024);
	for (size_t i = 0; i < countof(cases); i++)
		CHECK_STR(canonical(&twice, canonical(&once, cases[i])), buf_str(&once));
	buf_finish(&once);
	buf_finish(&twice);
}

TEST(a_path_has_a_bound)
{
	struct buf buf;

	buf_init(&buf, 4);
	CHECK_EQ(http_path_canonical("/abcdefgh", &buf), -ENOBUFS);
	CHECK_EQ(buf.len, 0);
	buf_finish(&buf);
}

TEST_MAIN()
