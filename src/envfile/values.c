#include "envfile/values.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "envfile/envfile.h"
#include "kit/pattern.h"
#include "yaml/expression.h"
#include "yaml/scalar.h"

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

static int declare_texts(const struct node *list, json_t *into, const char *key)
{
	json_t *texts = json_array();
	int r = 0;

	node_for_each (item, list)
		if (item->kind == NODE_SCALAR)
			r |= json_array_append_new(texts, json_string(item->text));
	return r | json_object_set_new(into, key, texts);
}

/* Members of a declaration; what has the wrong form is left to the grammar to refuse. */
static int declare_one(const struct node *node, json_t *into)
{
	int r = 0;

	node_for_each (member, node) {
		if (member->kind == NODE_SCALAR && !node_is_null(member))
			r |= json_object_set_new(into, member->key, json_string(member->text));
		else if (member->kind == NODE_SEQUENCE)
			r |= declare_texts(member, into, member->key);
	}
	return r;
}

int values_declare(const struct document *document, json_t *declared, struct err *err)
{
	const struct node *args = node_member(document->root, "args");
	int r = 0;

	if (args == NULL || args->kind != NODE_MAPPING)
		return 0;
	node_for_each (argument, args) {
		json_t *one = json_object_get(declared, argument->key);

		if (one == NULL) {
			one = json_object();
			r |= json_object_set_new(declared, argument->key, one);
		}
		r |= declare_one(argument, one);
	}
	return r == 0 ? 0 : out_of_memory(err);
}

/* The value that was given last; NULL when there is none. */
static const char *find_given(const char *name, const char *const *given, size_t count)
{
	size_t len = strlen(name);
	const char *value = NULL;

	for (size_t i = 0; i < count; i++)
		if (strncmp(given[i], name, len) == 0 && given[i][len] == '=')
			value = given[i] + len + 1;
	return value;
}

static int check_value(const char *name, const json_t *declaration, const char *value,
		       struct err *err)
{
	const json_t *list = json_object_get(declaration, "enum"), *item;
	const char *pattern = json_string_value(json_object_get(declaration, "pattern"));
	size_t i;
	int r;

	json_array_foreach(list, i, item)
	{
		if (strcmp(json_string_value(item), value) == 0)
			return 0;
	}
	if (json_is_array(list))
		return err_set(err, -EINVAL, "the argument '%s' cannot be '%s'", name, value);
	if (pattern == NULL)
		return 0;
	r = pattern_matches(pattern, value);
	if (r == -ENOMEM)
		return out_of_memory(err);
	return r == 1 ? 0
	       : r == 0
		       ? err_set(err, -EINVAL, "the argument '%s' is '%s', which does not match %s",
				 name, value, pattern)
		       : err_set(err, -EINVAL, "the pattern of the argument '%s' is none", name);
}

static int check_known(const json_t *declared, const char *const *given, size_t count,
		       struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(given[i], '=');
		autofree char *name =
			equals == NULL ? NULL : strndup(given[i], (size_t)(equals - given[i]));

		if (equals == NULL)
			return err_set(err, -EINVAL, "'%s' is no NAME=VALUE", given[i]);
		if (name == NULL)
			return out_of_memory(err);
		if (json_object_get(declared, name) == NULL)
			return err_set(err, -EINVAL, "no file declares the argument '%s'", name);
	}
	return 0;
}

int values_settle(const json_t *declared, const char *const *given, size_t count, json_t **ret,
		  struct err *err)
{
	json_t *values = json_object();
	const char *name;
	json_t *declaration;
	int r = check_known(declared, given, count, err);

	json_object_foreach((json_t *)(uintptr_t)declared, name, declaration)
	{
		const char *value = find_given(name, given, count);

		if (value == NULL)
			value = json_string_value(json_object_get(declaration, "default"));
		if (r == 0 && value == NULL)
			r = err_set(err, -EINVAL,
				    "the argument '%s' needs a value: --env-arg %s=VALUE", name,
				    name);
		if (r == 0)
			r = check_value(name, declaration, value, err);
		if (r == 0 && json_object_set_new(values, name, json_string(value)) < 0)
			r = err_set(err, -EINVAL, "the argument '%s' is not UTF-8", name);
		if (r < 0)
			break;
	}
	if (r < 0)
		json_decref(values);
	else
		*ret = values;
	return r;
}

struct expansion {
	const json_t *values;
	const struct values_places *places;
	size_t bytes; /* of all texts so far */
};

static const char *value_of(void *context, const char *name)
{
	static const char prefix[] = "env.args.";
	const struct expansion *expansion = context;

	if (strcmp(name, "env.projectDir") == 0)
		return expansion->places->project;
	if (strcmp(name, "env.fileDir") == 0)
		return expansion->places->file;
	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	return json_string_value(json_object_get(expansion->values, name + sizeof(prefix) - 1));
}

/* Whether the text is nothing but one expression, so that it keeps being plain. */
static bool is_whole(const char *text)
{
	const char *end = strstr(text, "}}");

	return strncmp(text, "${{", 3) == 0 && end != NULL && end[2] == '\0';
}

static int expand_scalar(struct document *document, struct node *node, struct expansion *expansion,
			 struct err *err)
{
	const struct expression_names names = { .value = value_of, .context = expansion };
	autocall(buf_finish) struct buf out;
	struct err why = ERR_INIT;
	int r;

	buf_init(&out, ENVFILE_TEXTS_MAX - expansion->bytes);
	if (strstr(node->text, "${{") == NULL)
		return 0;
	r = expression_expand(node->text, strlen(node->text), &names, &out, &why);
	if (r == -ENOMEM)
		return out_of_memory(err);
	if (r < 0)
		return node_refuse(document, node, err, "%s",
				   r == -ENOBUFS ? "the values are too long" : why.text);
	expansion->bytes += out.len;
	node->is_plain = node->is_plain && is_whole(node->text);
	if (buf_str(&out) == NULL)
		return node_refuse(document, node, err, "the values are too long");
	return node_set_text(node, (const char *)out.data) < 0 ? out_of_memory(err) : 0;
}

/* A tree is no deeper than DOCUMENT_DEPTH_MAX. */
static int expand_node(struct document *document, struct node *node, struct expansion *expansion,
		       struct err *err)
{
	int r = 0;

	if (node->kind == NODE_SCALAR)
		return expand_scalar(document, node, expansion, err);
	node_for_each (child, node) {
		bool is_args = node == document->root && child->key != NULL &&
			       strcmp(child->key, "args") == 0;

		if (r == 0 && !is_args)
			r = expand_node(document, child, expansion, err);
	}
	return r;
}

int values_expand(struct document *document, const json_t *values,
		  const struct values_places *places, struct err *err)
{
	struct expansion expansion = { .values = values, .places = places };

	return expand_node(document, document->root, &expansion, err);
}
