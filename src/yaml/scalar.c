#include "yaml/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "yaml/document.h"

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_decimal(const char *text)
{
	size_t whole, part = 0;

	text += *text == '-' || *text == '+';
	whole = digits(text);
	text += whole;
	if (*text == '.') {
		part = digits(++text);
		text += part;
	}
	if (whole + part == 0)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		if (digits(text) == 0)
			return false;
		text += digits(text);
	}
	return *text == '\0';
}

static bool is_based(const char *text, const char *prefix, const char *alphabet)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 && text[length] != '\0' &&
	       text[length + strspn(text + length, alphabet)] == '\0';
}

static bool is_special(const char *text)
{
	static const char *const infinite[] = { ".inf", ".Inf", ".INF" };
	static const char *const nan[] = { ".nan", ".NaN", ".NAN" };

	if (is_one_of(text, nan, countof(nan)))
		return true;
	text += *text == '-' || *text == '+';
	return is_one_of(text, infinite, countof(infinite));
}

enum scalar_kind scalar_kind(const char *plain)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	static const char *const bools[] = { "true", "True", "TRUE", "false", "False", "FALSE" };

	if (is_one_of(plain, nulls, countof(nulls)))
		return SCALAR_NULL;
	if (is_one_of(plain, bools, countof(bools)))
		return SCALAR_BOOL;
	if (is_decimal(plain) || is_based(plain, "0o", "01234567") ||
	    is_based(plain, "0x", "0123456789abcdefABCDEF") || is_special(plain))
		return SCALAR_NUMBER;
	return SCALAR_STRING;
}

static bool is_plain_of(const struct node *node, enum scalar_kind kind)
{
	return node->kind == NODE_SCALAR && node->is_plain && scalar_kind(node->text) == kind;
}

bool node_is_null(const struct node *node)
{
	return is_plain_of(node, SCALAR_NULL);
}

int node_bool(const struct node *node, bool *ret)
{
	if (!is_plain_of(node, SCALAR_BOOL))
		return -EINVAL;
	*ret = node->text[0] == 't' || node->text[0] == 'T';
	return 0;
}

int node_number(const struct node *node, double *ret)
{
	double number;

	if (node->kind != NODE_SCALAR || !node->is_plain || !is_decimal(node->text))
		return -EINVAL;
	number = strtod(node->text, NULL);
	if (!isfinite(number))
		return -ERANGE;
	*ret = number;
	return 0;
}
