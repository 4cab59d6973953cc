#include "policy/match.h"
#include "tests/unit/test.h"

static bool host(const char *pattern, const char *text)
{
	return match_glob(MATCH_HOST, pattern, text);
}

static bool path(const char *pattern, const char *text)
{
	return match_glob(MATCH_PATH, pattern, text);
}

TEST(plain_text_matches_itself_only)
{
	CHECK(host("a.b", "a.b"));
	CHECK(!host("a.b", "a.bc"));
	CHECK(!host("a.b", "a."));
	CHECK(!host("a.b", ""));
	CHECK(host("", ""));
	CHECK(path("/a?[b]", "/a?[b]"));
}

TEST(a_star_stays_in_its_part)
{
	CHECK(host("*.b", "a.b"));
	CHECK(!host("*.b", "a.a.b"));
	CHECK(host("a*c*e", "abcde"));
	CHECK(host("a*c*e", "ace"));
	CHECK(!host("a*c*e", "a.ce"));
	CHECK(path("/*/x", "/a/x"));
	CHECK(!path("/*/x", "/a/b/x"));
	CHECK(path("/v*", "/v1"));
}

TEST(two_stars_cross_parts)
{
	CHECK(host("**.b", "a.a.a.b"));
	CHECK(!host("**.b", "b"));
	CHECK(path("/a/**", "/a/b/c"));
	CHECK(path("/a/**", "/a/"));
	CHECK(!path("/a/**", "/ab"));
	CHECK(path("/**/z", "/a/b/z"));
	CHECK(!path("/**/z", "/a/b/zz"));
}

TEST(sets_and_question_marks)
{
	CHECK(host("[abc].x", "b.x"));
	CHECK(!host("[abc].x", "d.x"));
	CHECK(host("[!abc].x", "d.x"));
	CHECK(!host("[!abc]x", ".x"));
	CHECK(host("[a-c0-9]", "7"));
	CHECK(host("[-a]", "-"));
	CHECK(host("[a-]", "-"));
	CHECK(host("?b", "ab"));
	CHECK(!host("?b", ".b"));
	CHECK(!host("?b", "b"));
}

TEST(many_stars_take_no_time)
{
	char pattern[MATCH_PATTERN_MAX + 1], text[60001];

	for (size_t i = 0; i < MATCH_PATTERN_MAX; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[MATCH_PATTERN_MAX - 1] = 'b';
	pattern[MATCH_PATTERN_MAX] = '\0';
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK(!path(pattern, text));
	text[sizeof(text) - 2] = 'b';
	CHECK(path(pattern, text));
}

TEST(a_pattern_that_is_too_long_matches_nothing)
{
	char pattern[MATCH_PATTERN_MAX + 2];

	memset(pattern, 'a', sizeof(pattern) - 1);
	pattern[sizeof(pattern) - 1] = '\0';
	CHECK(!path(pattern, pattern));
}

TEST(special_characters_are_found)
{
	CHECK(match_is_glob(MATCH_HOST, "a[b]"));
	CHECK(match_is_glob(MATCH_HOST, "a?"));
	CHECK(match_is_glob(MATCH_PATH, "/a/*"));
	CHECK(!match_is_glob(MATCH_PATH, "/a[b]?"));
	CHECK(!match_is_glob(MATCH_HOST, "example.com"));
}

TEST_MAIN()
