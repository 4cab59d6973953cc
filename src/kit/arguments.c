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

/* True when item begins with that word and the sign behind it. */
static bool starts(const char *item, const char *word, char sign)
{
	size_t length = word != NULL ? strlen(word) : 0;

	return length > 0 && strncmp(item, word, length) == 0 && item[length] == sign;
}

/* What follows "KIT.", or NULL when item is not for one kit, or for another one. */
static const char *scoped(const char *item, const struct kit_names *names)
{
	if (starts(item, names->name, '.'))
		return item + strlen(names->name) + 1;
	return starts(item, names->handle, '.') ? item + strlen(names->handle) + 1 : NULL;
}

/* The value that the user gave to the argument, or NULL. */
static const char *given(const struct kit_values *values, const struct kit_names *names,
			 const char *argument)
{
	const char *for_all = NULL, *for_this = NULL;

	for (size_t i = 0; i < values->count; i++) {
		const char *item = values->items[i], *rest = scoped(item, names);

		if (rest != NULL && starts(rest, argument, '='))
			for_this = rest + strlen(argument) + 1;
		else if (starts(item, argument, '='))
			for_all = item + strlen(argument) + 1;
	}
	return for_this != NULL ? for_this : for_all;
}

static const char *member_text(const struct node *node, const char *key)
{
	const struct node *member = node_member(node, key);

	return member != NULL && member->kind == NODE_SCALAR ? member->text : NULL;
}

static const char *value_of(void *context, const char *name)
{
	const json_t *arguments = context;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	return json_string_value(json_object_get(arguments, name + sizeof(prefix) - 1));
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

static int check_enum(const struct document *document, const struct node *list, struct err *err)
{
	node_for_each (item, list) {
		for (const struct node *other = list->children; other != item; other = other->next)
			if (item->kind == NODE_SCALAR && other->kind == NODE_SCALAR &&
			    strcmp(item->text, other->text) == 0)
				return node_refuse(document, item, err, "enum names '%.64s' twice",
						   item->text);
	}
	return 0;
}

static int check_argument(const struct document *document, const struct node *argument,
			  const char *value, struct err *err)
{
	const struct node *required = node_member(argument, "required");
	const struct node *list = node_member(argument, "enum");
	const char *fallback = member_text(argument, "default");
	bool is_required = false;

	if (required != NULL)
		(void)node_bool(required, &is_required);
	if ((fallback != NULL) == is_required)
		return node_refuse_key(document, argument, err,
				       "%s needs either a default or required: true",
				       argument->key);
	if (list != NULL && node_member(argument, "pattern") != NULL)
		return node_refuse_key(document, argument, err,
				       "%s has both an enum and a pattern; keep one",
				       argument->key);
	if (list != NULL && check_enum(document, list, err) < 0)
		return err->code;
	if (value == NULL && is_required)
		return node_refuse_key(document, argument, err,
				       "the argument %s needs a value: --kit-arg %s=VALUE",
				       argument->key, argument->key);
	if (fallback != NULL && check_value(document, argument, fallback, err) < 0)
		return err->code;
	return value != NULL ? check_value(document, argument, value, err) : 0;
}

/* Checks one declaration, and keeps the value that it has now. */
static int take_argument(const struct document *document, const struct node *argument,
			 const char *value, json_t *arguments, struct err *err)
{
	int r = check_argument(document, argument, value, err);

	if (r == 0 && value == NULL)
		value = member_text(argument, "default");
	if (r == 0 && json_object_set_new(arguments, argument->key, json_string(value)) < 0)
		r = err_set(err, -EINVAL, "the value of %s is not UTF-8", argument->key);
	return r;
}

bool arguments_takes(const json_t *arguments, const struct kit_names *names, const char *item)
{
	const char *rest = scoped(item, names), *key;
	json_t *value;

	json_object_foreach((json_t *)arguments, key,
			    value) if (starts(item, key, '=') ||
				       (rest != NULL && starts(rest, key, '='))) return true;
	return false;
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

static int replace_all(const struct document *document, json_t *arguments, struct err *err)
{
	const struct expression_names names = { .value = value_of, .context = arguments };
	const struct node *args = node_member(document->root, "args");
	size_t left = ARGUMENT_TEXTS_MAX;
	int r = 0;

	for (struct node *node = document->newest; r == 0 && node != NULL; node = node->earlier)
		if (node->kind == NODE_SCALAR && strstr(node->text, "${{") != NULL &&
		    !(args != NULL && is_inside(node, args)))
			r = replace(document, node, &names, &left, err);
	return r;
}

int arguments_apply(const struct document *document, const struct kit_names *names,
		    const struct kit_values *values, json_t **ret, struct err *err)
{
	const struct node *args = node_member(document->root, "args");
	json_t *arguments = json_object();
	int r = arguments != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");

	if (args != NULL && args->kind == NODE_MAPPING)
		for (struct node *argument = args->children; r == 0 && argument != NULL;
		     argument = argument->next)
			r = take_argument(document, argument, given(values, names, argument->key),
					  arguments, err);
	if (r == 0)
		r = replace_all(document, arguments, err);
	if (r < 0)
		json_decref(arguments);
	else
		*ret = arguments;
	return r;
}

/* The length of what stands at `at` and is to be replaced; 0: nothing is. */
static size_t ours(const char *at, const char *end)
{
	const char *name = at + (end - at > 1 && at[1] == '$'), *close;

	if (end - name < 3 || memcmp(name, "${{", 3) != 0)
		return 0;
	name += 3;
	while (name < end && (*name == ' ' || *name == '\t'))
		name++;
	if (end - name < 4 || memcmp(name, "kit.", 4) != 0)
		return 0;
	close = memmem(name, (size_t)(end - name), "}}", 2);
	return close != NULL ? (size_t)(close + 2 - at) : 0;
}

static int append(struct buf *buf, const char *bytes, size_t len, struct err *err)
{
	int r = buf_append(buf, bytes, len);

	return r < 0 ? err_set(err, r, "too large with the values of its arguments") : 0;
}

int arguments_expand(const json_t *arguments, const void *bytes, size_t len, struct buf *ret,
		     struct err *err)
{
	const struct expression_names names = { .value = value_of, .context = (void *)arguments };
	const char *at = bytes, *end = at + len, *from = at;
	int r = 0;

	if (len == 0 || memchr(bytes, '\0', len) != NULL)
		return append(ret, bytes, len, err);
	while (r == 0 && at < end) {
		const char *dollar = memchr(at, '$', (size_t)(end - at));
		size_t length = dollar != NULL ? ours(dollar, end) : 0;

		if (length == 0) {
			at = dollar != NULL ? dollar + 1 : end;
			continue;
		}
		r = append(ret, from, (size_t)(dollar - from), err);
		if (r == 0)
			r = expression_expand(dollar, length, &names, ret, err);
		from = at = dollar + length;
	}
	return r == 0 ? append(ret, from, (size_t)(end - from), err) : r;
}
