/* A rule's members nest as deep as the tables do, so the walk down is bounded by them. */
#include "kit/rule.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "yaml/scalar.h"

/* Below it every whole number is a double of its own. */
#define WHOLE_MAX 9007199254740992.0

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

static const struct rule *find(const struct rule *rules, const char *key)
{
	for (const struct rule *rule = rules; rule->key != NULL; rule++)
		if (strcmp(rule->key, key) == 0)
			return rule;
	return NULL;
}

static const char *called(const struct node *node)
{
	for (; node != NULL; node = node->parent)
		if (node->key != NULL)
			return node->key;
	return "the document";
}

static int want_kind(const struct document *document, const struct node *node, enum node_kind kind,
		     struct err *err)
{
	static const char *const names[] = { [NODE_SCALAR] = "a string",
					     [NODE_SEQUENCE] = "a list",
					     [NODE_MAPPING] = "a mapping" };

	if (node->kind == kind && !(kind == NODE_SCALAR && node_is_null(node)))
		return 0;
	return node_refuse(document, node, err, "%s must be %s", called(node), names[kind]);
}

static int take_text(const struct document *document, const struct node *node,
		     const struct rule *rule, json_t **ret, struct err *err)
{
	int r = want_kind(document, node, NODE_SCALAR, err);
	const char *want = r == 0 && rule->check != NULL ? rule->check(node->text) : NULL;

	if (r < 0)
		return r;
	if (want != NULL)
		return node_refuse(document, node, err, "'%s' in %s must be %s", node->text,
				   called(node), want);
	*ret = json_string(node->text);
	return *ret == NULL ? node_refuse(document, node, err, "%s is not UTF-8", called(node)) : 0;
}

static int take_bool(const struct document *document, const struct node *node, json_t **ret,
		     struct err *err)
{
	bool value;

	if (node_bool(node, &value) < 0)
		return node_refuse(document, node, err, "%s must be true or false", called(node));
	*ret = json_boolean(value);
	return 0;
}

static int take_number(const struct document *document, const struct node *node, json_t **ret,
		       struct err *err)
{
	double value;

	if (node_number(node, &value) < 0 || value < 0)
		return node_refuse(document, node, err, "%s must be a number, zero or more",
				   called(node));
	*ret = json_real(value);
	return *ret == NULL ? out_of_memory(err) : 0;
}

static int take_any(const struct document *document, const struct node *node, json_t **ret,
		    struct err *err);

/* One value of a collection, by the kind of the whole. */
static int take_child(const struct document *document, const struct node *node,
		      const struct rule *rule, json_t **ret, struct err *err)
{
	static const struct rule text = { .kind = RULE_TEXT };

	switch (rule->kind) {
	case RULE_LIST:
	case RULE_TABLE:
	case RULE_EITHER:
		return rule_check(document, node, rule->members, ret, err);
	case RULE_TEXTS:
		return take_text(document, node, rule, ret, err);
	case RULE_ANY:
		return take_any(document, node, ret, err);
	case RULE_NAMED:
	case RULE_TEXT:
	case RULE_BOOL:
	case RULE_NUMBER:
	case RULE_MEMBERS:
	case RULE_COMMAND:
		break;
	}
	return take_text(document, node, &text, ret, err);
}

static int take_list(const struct document *document, const struct node *node,
		     const struct rule *rule, json_t **ret, struct err *err)
{
	json_t *list;
	int r = want_kind(document, node, NODE_SEQUENCE, err);

	if (r < 0)
		return r;
	list = json_array();
	node_for_each (child, node) {
		json_t *value;

		r = take_child(document, child, rule, &value, err);
		if (r == 0 && json_array_append_new(list, value) < 0)
			r = out_of_memory(err);
		if (r < 0) {
			json_decref(list);
			return r;
		}
	}
	*ret = list;
	return 0;
}

static int take_key(const struct document *document, const struct node *child,
		    const struct rule *rule, struct err *err)
{
	const char *want = rule->check != NULL ? rule->check(child->key) : NULL;

	return want == NULL ? 0
			    : node_refuse_key(document, child, err, "the key '%s' in %s must be %s",
					      child->key, called(child->parent), want);
}

static int take_table(const struct document *document, const struct node *node,
		      const struct rule *rule, json_t **ret, struct err *err)
{
	json_t *table;
	int r = want_kind(document, node, NODE_MAPPING, err);

	if (r < 0)
		return r;
	table = json_object();
	node_for_each (child, node) {
		json_t *value;

		r = take_key(document, child, rule, err);
		if (r == 0)
			r = take_child(document, child, rule, &value, err);
		if (r == 0 && json_object_set_new(table, child->key, value) < 0)
			r = out_of_memory(err);
		if (r < 0) {
			json_decref(table);
			return r;
		}
	}
	*ret = table;
	return 0;
}

/* A tree is no deeper than DOCUMENT_DEPTH_MAX. */
static int take_any(const struct document *document, const struct node *node, json_t **ret,
		    struct err *err)
{
	static const struct rule any = { .kind = RULE_ANY }, text = { .kind = RULE_TEXT };
	double number;

	switch (node->kind) {
	case NODE_SEQUENCE:
		return take_list(document, node, &any, ret, err);
	case NODE_MAPPING:
		return take_table(document, node, &any, ret, err);
	case NODE_SCALAR:
		break;
	}
	if (node_is_null(node)) {
		*ret = json_null();
		return 0;
	}
	if (node->is_plain && scalar_kind(node->text) == SCALAR_BOOL)
		return take_bool(document, node, ret, err);
	if (node_number(node, &number) == 0) {
		*ret = number > -WHOLE_MAX && number < WHOLE_MAX &&
				       number == (double)(json_int_t)number
			       ? json_integer((json_int_t)number)
			       : json_real(number);
		return *ret != NULL ? 0 : out_of_memory(err);
	}
	return take_text(document, node, &text, ret, err);
}

static int take(const struct document *document, const struct node *node, const struct rule *rule,
		json_t **ret, struct err *err)
{
	static const struct rule texts = { .kind = RULE_TEXTS };
	const struct rule named = { .kind = RULE_NAMED, .check = rule->check };

	switch (rule->kind) {
	case RULE_TEXT:
		return take_text(document, node, rule, ret, err);
	case RULE_BOOL:
		return take_bool(document, node, ret, err);
	case RULE_NUMBER:
		return take_number(document, node, ret, err);
	case RULE_TEXTS:
	case RULE_LIST:
		return take_list(document, node, rule, ret, err);
	case RULE_NAMED:
	case RULE_TABLE:
		return take_table(document, node, rule, ret, err);
	case RULE_EITHER:
		if (node->kind == NODE_SEQUENCE)
			return take_list(document, node, rule, ret, err);
		return take_table(document, node, &named, ret, err);
	case RULE_COMMAND:
		if (node->kind == NODE_SEQUENCE)
			return take_list(document, node, &texts, ret, err);
		return rule_check(document, node, rule->members, ret, err);
	case RULE_MEMBERS:
		return rule_check(document, node, rule->members, ret, err);
	case RULE_ANY:
		return take_any(document, node, ret, err);
	}
	return -EINVAL;
}

static int check_required(const struct document *document, const struct node *node,
			  const struct rule *rules, struct err *err)
{
	for (const struct rule *rule = rules; rule->key != NULL; rule++) {
		const struct node *member = node_member(node, rule->key);

		if (rule->is_required && (member == NULL || node_is_null(member)))
			return node_refuse(document, node, err, "%s lacks %s", called(node),
					   rule->key);
	}
	return 0;
}

static int take_members(const struct document *document, const struct node *node,
			const struct rule *rules, json_t *object, struct err *err)
{
	int r = 0;

	node_for_each (child, node) {
		const struct rule *rule = find(rules, child->key);
		json_t *value;

		if (rule == NULL)
			return node_refuse_key(document, child, err, "unknown key '%s' in %s",
					       child->key, called(node));
		if (node_is_null(child))
			continue;
		r = take(document, child, rule, &value, err);
		if (r < 0)
			return r;
		if (json_object_set_new(object, child->key, value) < 0)
			return out_of_memory(err);
	}
	return check_required(document, node, rules, err);
}

int rule_check(const struct document *document, const struct node *node, const struct rule *rules,
	       json_t **ret, struct err *err)
{
	json_t *object;
	int r = want_kind(document, node, NODE_MAPPING, err);

	if (r < 0)
		return r;
	object = json_object();
	if (object == NULL)
		return out_of_memory(err);
	r = take_members(document, node, rules, object, err);
	if (r < 0)
		json_decref(object);
	else
		*ret = object;
	return r;
}
