#include "kit/arguments.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/pattern.h"
#include "yaml/expression.h"
#include "yaml/scalar.h"

static const char prefix[] = "kit.args.";

/* What the callback of the expressions knows. */
struct names {
	const struct node *args; /* NULL: none declared */
	const struct kit_values *values;
};

/* The value of the last NAME=VALUE of that name, or NULL. */
static const char *given(const struct kit_values *values, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = values->count; i > 0; i--) {
		const char *item = values->items[i - 1];

		if (strncmp(item, name, length) == 0 && item[length] == '=')
			return item + length + 1;
	}
	return NULL;
}

static const char *member_text(const struct node *node, const char *key)
{
	const struct node *member = node_member(node, key);

	return member != NULL && member->kind == NODE_SCALAR ? member->text : NULL;
}

static const char *value_of(void *context, const char *name)
{
	const struct names *names = context;
	const struct node *argument;
	const char *value;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	argument = node_member(names->args, name + sizeof(prefix) - 1);
	if (argument == NULL)
		return NULL;
	value = given(names->values, argument->key);
	if (value == NULL)
		value = member_text(argument, "default");
	return value;
}

static bool is_listed(const struct node *list, const char *value)
{
	node_for_each (item, list) {
		if (item->kind == NODE_SCALAR && strcmp(item->text, value) == 0)
			return true;
	}
	return false;
}

static int check_pattern(const struct document *document, const struct node *pattern,
			 const char *value, struct err *err)
{
	int r = pattern->kind != NODE_SCALAR || strlen(pattern->text) > ARGUMENT_PATTERN_MAX
			? -EINVAL
			: pattern_matches(pattern->text, value);

	if (r > 0)
		return 0;
	if (r == -EINVAL)
		return node_refuse(document, pattern, err, "no regular expression of the RE2 kind");
	if (r == -E2BIG)
		return node_refuse(document, pattern, err,
				   "matching '%.64s' takes too long; make it simpler", value);
	if (r < 0)
		return err_set(err, r, "out of memory");
	return node_refuse(document, pattern, err, "the value '%.64s' of %s does not match", value,
			   pattern->parent->key);
}

static int check_value(const struct document *document, const struct node *argument,
		       const char *value, struct err *err)
{
	const struct node *list = node_member(argument, "enum");
	const struct node *pattern = node_member(argument, "pattern");

	if (strlen(value) > ARGUMENT_VALUE_MAX)
		return err_set(err, -EINVAL, "the value of %s is longer than %d bytes",
			       argument->key, ARGUMENT_VALUE_MAX);
	if (list != NULL && !is_listed(list, value))
		return node_refuse(document, list, err,
				   "the value '%.64s' of %s is not in its enum", value,
				   argument->key);
	return pattern != NULL ? check_pattern(document, pattern, value, err) : 0;
}

static int check_argument(const struct document *document, const struct node *argument,
			  const struct kit_values *values, struct err *err)
{
	const struct node *required = node_member(argument, "required");
	const char *fallback = member_text(argument, "default");
	const char *value = given(values, argument->key);
	bool is_required = false;

	if (required != NULL)
		(void)node_bool(required, &is_required);
	if ((fallback != NULL) == is_required)
		return node_refuse_key(document, argument, err,
				       "%s needs either a default or required: true",
				       argument->key);
	if (node_member(argument, "enum") != NULL && node_member(argument, "pattern") != NULL)
		return node_refuse_key(document, argument, err,
				       "%s has both an enum and a pattern; keep one",
				       argument->key);
	if (value == NULL && is_required)
		return node_refuse_key(document, argument, err,
				       "the argument %s needs a value: --kit-arg %s=VALUE",
				       argument->key, argument->key);
	if (fallback != NULL && check_value(document, argument, fallback, err) < 0)
		return err->code;
	return value != NULL ? check_value(document, argument, value, err) : 0;
}

static int check_given(const struct node *args, const struct kit_values *values, struct err *err)
{
	for (size_t i = 0; i < values->count; i++) {
		autofree char *name = strdup(values->items[i]);
		char *equals = name != NULL ? strchr(name, '=') : NULL;

		if (equals == NULL)
			return err_set(err, -EINVAL,
				       "'%s' is no argument of a kit; write NAME=VALUE",
				       values->items[i]);
		*equals = '\0';
		if (node_member(args, name) == NULL)
			return err_set(err, -EINVAL, "the kit has no argument '%s'", name);
	}
	return 0;
}

static bool is_inside(const struct node *node, const struct node *ancestor)
{
	for (; node != NULL; node = node->parent)
		if (node == ancestor)
			return true;
	return false;
}

static int replace(const struct document *document, struct node *node,
		   const struct expression_names *names, size_t *left, struct err *err)
{
	autocall(buf_finish) struct buf text;
	const char *replaced;
	int r;

	buf_init(&text, *left);
	r = expression_expand(node->text, strlen(node->text), names, &text, err);
	if (r < 0) {
		struct err cause = *err;

		return node_refuse(document, node, err, "%s", cause.text);
	}
	*left -= text.len;
	replaced = buf_str(&text);
	if (replaced == NULL || node_set_text(node, replaced) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

int arguments_apply(const struct document *document, const struct kit_values *values,
		    struct err *err)
{
	struct names context = { .args = node_member(document->root, "args"), .values = values };
	const struct expression_names names = { .value = value_of, .context = &context };
	size_t left = ARGUMENT_TEXTS_MAX;
	int r = check_given(context.args, values, err);

	if (r == 0 && context.args != NULL && context.args->kind == NODE_MAPPING)
		for (struct node *argument = context.args->children; r == 0 && argument != NULL;
		     argument = argument->next)
			r = check_argument(document, argument, values, err);
	for (struct node *node = document->newest; r == 0 && node != NULL; node = node->earlier)
		if (node->kind == NODE_SCALAR && strstr(node->text, "${{") != NULL &&
		    !(context.args != NULL && is_inside(node, context.args)))
			r = replace(document, node, &names, &left, err);
	return r;
}
