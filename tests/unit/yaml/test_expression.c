#include "yaml/expression.h"

#include <errno.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

static const char *value(void *context, const char *name)
{
	(void)context;
	if (strcmp(name, "kit.args.a") == 0)
		return "A";
	if (strcmp(name, "kit.args.self") == 0)
		return "${{ kit.args.a }}";
	return strcmp(name, "empty") == 0 ? "" : NULL;
}

static const struct expression_names names = { .value = value };

static const struct {
	const char *text, *want;
} replaced[] = {
	{ "", "" },
	{ "plain $HOME ${HOME} $$ {{x}}", "plain $HOME ${HOME} $$ {{x}}" },
	{ "${{ kit.args.a }}", "A" },
	{ "x${{kit.args.a}}y${{\tkit.args.a }}", "xAyA" },
	{ "[${{ empty }}]", "[]" },
	{ "$${{ kit.args.a }}", "${{ kit.args.a }}" },
	{ "$$${{ kit.args.a }}", "$${{ kit.args.a }}" },
	{ "${{ kit.args.self }}", "${{ kit.args.a }}" },
	{ "}} $", "}} $" },
};

TEST(replaced)
{
	for (size_t i = 0; i < countof(replaced); i++) {
		autocall(buf_finish) struct buf buf;
		struct err err = ERR_INIT;

		buf_init(&buf, 100);
		CHECK_EQ(expression_expand(replaced[i].text, strlen(replaced[i].text), &names, &buf,
					   &err),
			 0);
		CHECK_STR(buf_str(&buf), replaced[i].want);
	}
}

static const struct {
	const char *text, *sentence;
} refused[] = {
	{ "${{ kit.args.b }}", "'kit.args.b' is not declared" },
	{ "${{ kit.args.a", "an expression is not closed by }}; write $${{ for ${{ itself" },
	{ "${{}}", "an expression holds one name, as in ${{ kit.args.NAME }}" },
	{ "${{ a b }}", "an expression holds one name, as in ${{ kit.args.NAME }}" },
	{ "${{ 1 }}", "an expression holds one name, as in ${{ kit.args.NAME }}" },
	{ "${{ ${{ kit.args.a }} }}", "an expression holds one name, as in ${{ kit.args.NAME }}" },
};

TEST(refused)
{
	for (size_t i = 0; i < countof(refused); i++) {
		autocall(buf_finish) struct buf buf;
		struct err err = ERR_INIT;

		buf_init(&buf, 100);
		CHECK_EQ(expression_expand(refused[i].text, strlen(refused[i].text), &names, &buf,
					   &err),
			 -EBADMSG);
		CHECK_STR(err.text, refused[i].sentence);
	}
}

TEST(the_result_is_bounded)
{
	autocall(buf_finish) struct buf buf;
	struct err err = ERR_INIT;

	buf_init(&buf, 3);
	CHECK_EQ(expression_expand("xx${{ kit.args.self }}", 22, &names, &buf, &err), -ENOBUFS);
	CHECK_STR(err.text, "more than 3 bytes after its expressions were replaced");
}

TEST(bytes_behind_the_end_are_not_looked_at)
{
	autocall(buf_finish) struct buf buf;
	struct err err = ERR_INIT;

	buf_init(&buf, 100);
	CHECK_EQ(expression_expand("${{ kit.args.a }}", 16, &names, &buf, &err), -EBADMSG);
	CHECK_EQ(expression_expand("x${{", 2, &names, &buf, &err), 0);
	CHECK_STR(buf_str(&buf), "x$");
}

TEST_MAIN()
