#include "yaml/document.h"

#include <errno.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

static int parse(const char *text, struct document *ret, struct err *err)
{
	return document_parse("f", text, strlen(text), ret, err);
}

TEST(a_tree_with_positions)
{
	autocall(document_finish) struct document document = { .name = NULL };
	struct err err = ERR_INIT;
	const struct node *list;

	CHECK_EQ(parse("name: x\nlist:\n  - one\n  - '2'\n  - {a: |-\n      b\n    }\n", &document,
		       &err),
		 -EBADMSG);
	CHECK_EQ(parse("# note\nname: x\nlist:\n  - one\n  - '2'\n  - a: |-\n      b\n", &document,
		       &err),
		 0);
	CHECK_EQ(document.root->kind, NODE_MAPPING);
	CHECK_EQ(document.root->count, 2);
	CHECK_STR(node_member(document.root, "name")->text, "x");
	CHECK(node_member(document.root, "nothing") == NULL);
	list = node_member(document.root, "list");
	CHECK_EQ(list->key_line, 3);
	CHECK_EQ(list->key_column, 1);
	CHECK_EQ(list->count, 3);
	CHECK_EQ(list->children->line, 4);
	CHECK_EQ(list->children->column, 5);
	CHECK(list->children->is_plain);
	CHECK(!list->children->next->is_plain);
	CHECK_STR(node_member(list->children->next->next, "a")->text, "b");
	CHECK(!node_member(list->children->next->next, "a")->is_plain);
	CHECK(node_member(list->children, "a") == NULL);
}

/* What is refused, and in which words. */
static const struct {
	const char *text, *sentence;
} refusals[] = {
	{ "", "f:1:1: the file is empty" },
	{ "# only a note\n", "f:2:1: the file is empty" },
	{ "a: &x 1\n", "f:1:4: anchors are not accepted; write the value out" },
	{ "a: &x [1]\n", "f:1:4: anchors are not accepted; write the value out" },
	{ "a: *x\n", "f:1:4: aliases are not accepted; write the value out" },
	{ "a: !!str 1\n", "f:1:4: tags are not accepted; quote what is to be a string" },
	{ "a: ! 1\n", "f:1:4: tags are not accepted; quote what is to be a string" },
	{ "a: !!map {}\n", "f:1:4: tags are not accepted; quote what is to be a string" },
	{ "a: 1\nb: 2\na: 3\n", "f:3:1: the key 'a' stands here twice" },
	{ "a: 1\n'a': 3\n", "f:2:1: the key 'a' stands here twice" },
	{ "1: a\n", "f:1:1: the key '1' is not a string; put it in quotes" },
	{ "true: a\n", "f:1:1: the key 'true' is not a string; put it in quotes" },
	{ "~: a\n", "f:1:1: the key '~' is not a string; put it in quotes" },
	{ "? [a]\n: b\n", "f:1:3: a key must be a string" },
	{ "<<: {a: 1}\n", "f:1:1: merge keys are not accepted; write the members out" },
	{ "a: 1\n---\nb: 2\n", "f:2:1: a second document begins; one file holds one" },
	{ "a: \"x\\0y\"\n", "f:1:4: a string with a NUL in it" },
	{ "a: [1\n", "f:2:1: did not find expected ',' or ']'" },
	{ "\tx: 1\n", "f:1:1: found character that cannot start any token" },
};

TEST(what_is_refused)
{
	for (size_t i = 0; i < countof(refusals); i++) {
		struct document document;
		struct err err = ERR_INIT;

		CHECK_EQ(parse(refusals[i].text, &document, &err), -EBADMSG);
		CHECK_STR(err.text, refusals[i].sentence);
	}
}

TEST(no_bytes_at_all)
{
	struct document document;
	struct err err = ERR_INIT;

	CHECK_EQ(document_parse("f", NULL, 0, &document, &err), -EBADMSG);
	CHECK_STR(err.text, "f:1:1: the file is empty");
}

TEST(quoted_keys_may_look_like_anything)
{
	autocall(document_finish) struct document document = { .name = NULL };
	struct err err = ERR_INIT;

	CHECK_EQ(parse("'1': a\n\"true\": b\n'<<': c\non: d\n", &document, &err), 0);
	CHECK_STR(node_member(document.root, "1")->text, "a");
	CHECK_STR(node_member(document.root, "on")->text, "d");
}

TEST(bytes_that_are_no_text)
{
	static const char nul[] = "a: b\0c\n", cut[] = "a: \xc3\n", lone[] = "a: \xed\xa0\x80\n",
			  utf16[] =
				  "\xff\xfe"
				  "a\0";
	const struct {
		const char *bytes;
		size_t len;
	} rows[] = { { nul, sizeof(nul) - 1 },
		     { cut, sizeof(cut) - 1 },
		     { lone, sizeof(lone) - 1 },
		     { utf16, sizeof(utf16) - 1 } };

	for (size_t i = 0; i < countof(rows); i++) {
		struct document document;
		struct err err = ERR_INIT;

		CHECK_EQ(document_parse("f", rows[i].bytes, rows[i].len, &document, &err),
			 -EBADMSG);
		CHECK(strncmp(err.text, "f:", 2) == 0);
	}
}

/* `text` so many times, after a key of its own when is_keyed: what comes out? */
static int parse_many(const char *text, size_t count, bool is_keyed, struct err *err)
{
	autocall(document_finish) struct document document = { .name = NULL };
	autocall(buf_finish) struct buf all;
	int r = 0;

	buf_init(&all, 1 << 20);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (is_keyed)
			r = buf_printf(&all, "k%zu", i);
		if (r == 0)
			r = buf_printf(&all, "%s", text);
	}
	return r < 0 ? r : document_parse("f", all.data, all.len, &document, err);
}

TEST(limits)
{
	autocall(document_finish) struct document document = { .name = NULL };
	struct err err = ERR_INIT;

	CHECK_EQ(parse("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		       &document, &err),
		 0);
	CHECK_EQ(parse_many("[", 100000, false, &err), -EBADMSG);
	CHECK_STR(err.text, "f:1:33: nested deeper than 32");
	CHECK_EQ(parse_many("- x\n", DOCUMENT_NODES_MAX - 1, false, &err), 0);
	CHECK_EQ(parse_many("- x\n", DOCUMENT_NODES_MAX, false, &err), -EBADMSG);
	CHECK_STR(err.text, "f:16384:3: more than 16384 values; split the file");
	CHECK_EQ(parse_many(": x\n", DOCUMENT_MEMBERS_MAX, true, &err), 0);
	CHECK_EQ(parse_many(": x\n", DOCUMENT_MEMBERS_MAX + 1, true, &err), -EBADMSG);
	CHECK_STR(err.text, "f:1025:1: more than 1024 keys in one mapping");
	CHECK_EQ(parse_many("xxxxxxxx", DOCUMENT_BYTES_MAX / 8, false, &err), 0);
	CHECK_EQ(parse_many("xxxxxxxx", DOCUMENT_BYTES_MAX / 8 + 1, false, &err), -EBADMSG);
	CHECK_STR(err.text, "f:1:1: larger than 256 KiB");
}

TEST(a_text_can_be_replaced)
{
	autocall(document_finish) struct document document = { .name = NULL };
	struct err err = ERR_INIT;

	CHECK_EQ(parse("a: b\n", &document, &err), 0);
	CHECK_EQ(node_set_text(document.root->children, "c: d"), 0);
	CHECK_STR(node_member(document.root, "a")->text, "c: d");
}

TEST_MAIN()
