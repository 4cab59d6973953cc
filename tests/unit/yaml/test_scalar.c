#include "yaml/scalar.h"

#include <errno.h>

#include "base/check.h"
#include "tests/unit/test.h"
#include "yaml/document.h"

static const struct {
	const char *text;
	enum scalar_kind kind;
} rows[] = {
	{ "", SCALAR_NULL },	    { "~", SCALAR_NULL },	{ "null", SCALAR_NULL },
	{ "nil", SCALAR_STRING },   { "true", SCALAR_BOOL },	{ "FALSE", SCALAR_BOOL },
	{ "tRue", SCALAR_STRING },  { "no", SCALAR_STRING },	{ "on", SCALAR_STRING },
	{ "0", SCALAR_NUMBER },	    { "-12", SCALAR_NUMBER },	{ "1.", SCALAR_NUMBER },
	{ ".5", SCALAR_NUMBER },    { "1e9", SCALAR_NUMBER },	{ "1e", SCALAR_STRING },
	{ ".", SCALAR_STRING },	    { "-", SCALAR_STRING },	{ "1.2.3", SCALAR_STRING },
	{ "0x1F", SCALAR_NUMBER },  { "0x", SCALAR_STRING },	{ "0o17", SCALAR_NUMBER },
	{ "0o18", SCALAR_STRING },  { "-.inf", SCALAR_NUMBER }, { ".NaN", SCALAR_NUMBER },
	{ "-.nan", SCALAR_STRING }, { "1 2", SCALAR_STRING },	{ "12:30", SCALAR_STRING },
};

TEST(what_a_plain_scalar_is)
{
	for (size_t i = 0; i < countof(rows); i++)
		if (scalar_kind(rows[i].text) != rows[i].kind)
			TEST_FAIL_("'%s' is of kind %d", rows[i].text, scalar_kind(rows[i].text));
}

static struct node node_of(char *text, bool is_plain)
{
	return (struct node){ .kind = NODE_SCALAR, .is_plain = is_plain, .text = text };
}

TEST(values)
{
	char yes[] = "true", number[] = "1.5", huge[] = "1e999", hex[] = "0x10", null[] = "~";
	struct node node = node_of(yes, true);
	double value = 0;
	bool is = false;

	CHECK_EQ(node_bool(&node, &is), 0);
	CHECK(is);
	CHECK_EQ(node_number(&node, &value), -EINVAL);
	node = node_of(yes, false);
	CHECK_EQ(node_bool(&node, &is), -EINVAL);
	node = node_of(number, true);
	CHECK_EQ(node_number(&node, &value), 0);
	CHECK(value > 1.4 && value < 1.6);
	node = node_of(huge, true);
	CHECK_EQ(node_number(&node, &value), -ERANGE);
	node = node_of(hex, true);
	CHECK_EQ(node_number(&node, &value), -EINVAL);
	node = node_of(null, true);
	CHECK(node_is_null(&node));
	node = node_of(null, false);
	CHECK(!node_is_null(&node));
}

TEST_MAIN()
