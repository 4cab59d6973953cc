#include "sbx/yamlout.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"
#include "yaml/document.h"

/* Text owned by the caller. */
static char *write_yaml(const char *json)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	(void)yamlout_print(value, to);
	(void)fclose(to);
	json_decref(value);
	return text;
}

TEST(values_in_blocks)
{
	autofree char *text =
		write_yaml("{\"a\":[1,-2.5,true,null],\"b\":{},\"c\":[],\"d\":{\"e\":\"x y\"}}");

	CHECK_STR(text, "a:\n- 1\n- -2.5\n- true\n- null\nb: {}\nc: []\nd:\n  e: 'x y'\n");
}

TEST(strings_stay_strings)
{
	static const char *const quoted[] = { "",      "no",	     "True", "null", "1",    "1e3",
					      "12:30", "2026-01-02", "-",    "- a",  "a: b", "#x",
					      "~",     ".inf",	     "0x10", " a",   "a ",   "a#b",
					      "*a",    "&a",	     "!a" };
	static const char *const plain[] = { "demo", "/srv/src", "_x", "shell-a.b", "a@b", "none" };

	for (size_t i = 0; i < countof(quoted); i++)
		CHECK(!yamlout_is_plain(quoted[i]));
	for (size_t i = 0; i < countof(plain); i++)
		CHECK(yamlout_is_plain(plain[i]));
}

/* Our own strict reader gets back what was written, whatever is in it. */
TEST(what_is_written_is_read)
{
	static const char *const texts[] = {
		"two\\nlines\\n", "it's \\\"so\\\"", "a\\tb", "\\u0001",
		"\u00e4\u4e16",	  "x: [1, 2]",	     ""
	};
	static const char *const meant[] = { "two\nlines\n", "it's \"so\"", "a\tb", "\001",
					     "\u00e4\u4e16", "x: [1, 2]",   "" };

	for (size_t i = 0; i < countof(texts); i++) {
		autofree char *json = NULL;
		autofree char *text = NULL;
		struct err err = ERR_INIT;
		struct document document;

		CHECK(asprintf(&json, "{\"k\":\"%s\"}", texts[i]) > 0);
		text = write_yaml(json);
		CHECK_EQ(document_parse("out", text, strlen(text), &document, &err), 0);
		CHECK_STR(node_member(document.root, "k")->text, meant[i]);
		document_finish(&document);
	}
}

TEST_MAIN()
