#include "sbxd/policy_rules.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
#include "base/err.h"
#include "policy/preset.h"

static const char id_prefix[] = "local:";

static const char *const created_names[] = {
	[CREATED_ADDED] = "added",
	[CREATED_PROVISIONED] = "provisioned",
	[CREATED_APPROVAL] = "approval",
};

const char *policy_created_name(enum policy_created created)
{
	return created_names[created];
}

void rule_list_finish(struct rule_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		policy_rule_finish(&list->items[i]);
	free(list->items);
	*list = (struct rule_list){ .items = NULL };
}

int rule_list_add(struct rule_list *list, struct policy_rule *rule)
{
	size_t room = list->room == 0 ? 64 : list->room * 2;
	struct policy_rule *grown;

	if (list->count == list->room) {
		grown = realloc(list->items, room * sizeof(*grown));
		if (grown == NULL) {
			policy_rule_finish(rule);
			return -ENOMEM;
		}
		list->items = grown;
		list->room = room;
	}
	list->items[list->count++] = *rule;
	*rule = (struct policy_rule){ .decision = POLICY_DENY };
	return 0;
}

/* RFC 9562, version 4. */
static void make_uuid(char ret[POLICY_UUID_SIZE])
{
	uint8_t b[16] = { 0 };

	(void)getrandom(b, sizeof(b), 0);
	b[6] = (uint8_t)(0x40 | (b[6] & 0x0f));
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	(void)snprintf(ret, POLICY_UUID_SIZE,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		       b[13], b[14], b[15]);
}

static json_t *format_protocols(unsigned protocols)
{
	json_t *list = json_array();

	if ((protocols & POLICY_TCP) != 0)
		(void)json_array_append_new(list, json_string("tcp"));
	if ((protocols & POLICY_UDP) != 0)
		(void)json_array_append_new(list, json_string("udp"));
	return list;
}

unsigned stored_rule_protocols(const json_t *list)
{
	unsigned protocols = 0;
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		const char *name = json_string_value(item);

		if (name != NULL && strcmp(name, "tcp") == 0)
			protocols |= POLICY_TCP;
		else if (name != NULL && strcmp(name, "udp") == 0)
			protocols |= POLICY_UDP;
		else
			return 0;
	}
	return protocols;
}

static const char *text_of(const json_t *rule, const char *member)
{
	return json_string_value(json_object_get(rule, member));
}

/* One resource of a rule as the decision takes it. */
static int make_one(const json_t *rule, const char *resource, bool is_global,
		    struct policy_rule *ret, struct err *err)
{
	const char *methods = text_of(rule, "methods"), *path = text_of(rule, "path");
	const char *decision = text_of(rule, "decision"), *id = text_of(rule, "id");
	const char *created = text_of(rule, "created_via");
	int r;

	*ret = (struct policy_rule){ .is_global = is_global, .origin = POLICY_FROM_USER };
	if (decision == NULL || id == NULL || strlen(id) != POLICY_UUID_SIZE - 1)
		return err_set(err, -EINVAL, "a rule has no id or no decision");
	(void)snprintf(ret->id, sizeof(ret->id), "%s%s", id_prefix, id);
	if (strcmp(decision, "allow") != 0 && strcmp(decision, "deny") != 0)
		return err_set(err, -EINVAL, "a rule neither allows nor denies");
	ret->decision = strcmp(decision, "allow") == 0 ? POLICY_ALLOW : POLICY_DENY;
	if (created != NULL && strcmp(created, created_names[CREATED_APPROVAL]) == 0)
		ret->origin = POLICY_FROM_APPROVAL;
	ret->protocols = stored_rule_protocols(json_object_get(rule, "protocols"));
	if (ret->protocols == 0)
		return err_set(err, -EINVAL, "the protocols of a rule are tcp, udp, or both");
	r = policy_resource_parse(resource, &ret->resource, err);
	if (r == 0 && (methods != NULL || path != NULL))
		r = policy_rule_set_http(ret, methods, path, err);
	if (r < 0)
		policy_rule_finish(ret);
	return r;
}

int stored_rule_expand(const json_t *rule, bool is_global, struct rule_list *list, struct err *err)
{
	const json_t *resources = json_object_get(rule, "resources"), *item;
	size_t i;

	if (!json_is_array(resources) || json_array_size(resources) == 0 ||
	    json_array_size(resources) > POLICY_RESOURCES_MAX)
		return err_set(err, -EINVAL, "a rule has 1 to %d resources", POLICY_RESOURCES_MAX);
	json_array_foreach((json_t *)resources, i, item)
	{
		struct policy_rule one;
		int r;

		if (!json_is_string(item))
			return err_set(err, -EINVAL, "a resource is a string");
		r = make_one(rule, json_string_value(item), is_global, &one, err);
		if (r < 0)
			return r;
		if (rule_list_add(list, &one) < 0)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static unsigned protocols_of(const struct policy_wish *wish)
{
	if (wish->protocols != 0)
		return wish->protocols;
	if (wish->decision == POLICY_ALLOW || wish->methods != NULL || wish->path != NULL)
		return POLICY_TCP;
	return POLICY_TCP | POLICY_UDP;
}

/* Resources, methods and path become what the decision made of them: one spelling each. */
static int normalize(json_t *rule, const struct rule_list *list)
{
	json_t *resources = json_array();
	int r = json_object_set_new(rule, "resources", resources);

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		char text[POLICY_RESOURCE_MAX];

		policy_resource_format(&list->items[i].resource, text);
		r = json_array_append_new(resources, json_string(text));
	}
	if (r == 0 && list->items[0].methods != NULL)
		r = json_object_set_new(rule, "methods", json_string(list->items[0].methods));
	return r;
}

int stored_rule_make(const struct policy_wish *wish, json_t **ret, struct err *err)
{
	struct rule_list list = { .items = NULL };
	char id[POLICY_UUID_SIZE];
	json_t *rule;
	int r;

	make_uuid(id);
	rule = json_pack("{ss ss sO so ss* ss* ss sI}", "id", id, "decision",
			 wish->decision == POLICY_ALLOW ? "allow" : "deny", "resources",
			 wish->resources, "protocols", format_protocols(protocols_of(wish)),
			 "methods", wish->methods, "path", wish->path, "created_via",
			 policy_created_name(wish->created), "created_at", (json_int_t)time(NULL));
	if (rule == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = stored_rule_expand(rule, true, &list, err);
	if (r == 0 && normalize(rule, &list) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	rule_list_finish(&list);
	if (r < 0)
		json_decref(rule);
	else
		*ret = rule;
	return r;
}

static bool is_of_group(const struct policy_rule *a, const struct policy_rule *b)
{
	return a->methods == NULL && b->methods == NULL && strcmp(a->id, b->id) == 0 &&
	       a->decision == b->decision && a->protocols == b->protocols;
}

json_t *stored_rules_of_preset(const struct preset *preset, const char *created_via)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < preset->count;) {
		const struct policy_rule *first = &preset->rules[i];
		json_t *resources = json_array();

		do {
			char text[POLICY_RESOURCE_MAX];

			policy_resource_format(&preset->rules[i].resource, text);
			(void)json_array_append_new(resources, json_string(text));
			i++;
		} while (i < preset->count && is_of_group(first, &preset->rules[i]));
		(void)json_array_append_new(
			rules,
			json_pack("{ss ss so so ss ss* ss*}", "id", first->id, "decision",
				  first->decision == POLICY_ALLOW ? "allow" : "deny", "resources",
				  resources, "protocols", format_protocols(first->protocols),
				  "created_via", created_via, "methods", first->methods, "path",
				  first->path));
	}
	return rules;
}

/* Whether two texts are the same, or both absent. */
static bool is_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_about_same_requests(const json_t *a, const json_t *b)
{
	return is_equal(text_of(a, "methods"), text_of(b, "methods")) &&
	       is_equal(text_of(a, "path"), text_of(b, "path"));
}

json_t *stored_rules_find_same(const json_t *rules, const json_t *rule)
{
	json_t *other;
	size_t i;

	json_array_foreach((json_t *)rules, i, other)
	{
		if (is_equal(text_of(other, "decision"), text_of(rule, "decision")) &&
		    is_about_same_requests(other, rule) &&
		    json_equal(json_object_get(other, "resources"),
			       json_object_get(rule, "resources")) &&
		    json_equal(json_object_get(other, "protocols"),
			       json_object_get(rule, "protocols")))
			return other;
	}
	return NULL;
}

static size_t find_text(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		if (is_equal(json_string_value(item), text))
			return i;
	}
	return SIZE_MAX;
}

static bool is_opposite(const json_t *a, const json_t *b)
{
	return !is_equal(text_of(a, "decision"), text_of(b, "decision")) &&
	       is_about_same_requests(a, b) &&
	       (stored_rule_protocols(json_object_get(a, "protocols")) &
		stored_rule_protocols(json_object_get(b, "protocols"))) != 0;
}

int stored_rules_check_conflict(const json_t *rules, const json_t *rule, struct err *err)
{
	const json_t *resources = json_object_get(rule, "resources"), *item;
	json_t *other;
	size_t i, j;

	json_array_foreach((json_t *)rules, i, other)
	{
		if (!is_opposite(other, rule))
			continue;
		json_array_foreach((json_t *)resources, j, item)
		{
			const char *text = json_string_value(item);

			if (find_text(json_object_get(other, "resources"), text) != SIZE_MAX)
				return err_set(err, -EEXIST,
					       "%s: \"%s\" conflicts with existing %s rule \"%s\"; "
					       "remove that first: sbx policy rm --id %s",
					       text_of(rule, "decision"), text,
					       text_of(other, "decision"), text_of(other, "id"),
					       text_of(other, "id"));
		}
	}
	return 0;
}

/* Takes one resource out of a rule, which stays as long as it has others; 1 when it goes. */
static int remove_resource(json_t *rule, const char *resource, json_t *removed)
{
	json_t *resources = json_object_get(rule, "resources"), *copy;
	size_t at = find_text(resources, resource);

	if (json_array_size(resources) == 1)
		return json_array_append(removed, rule) < 0 ? -ENOMEM : 1;
	copy = json_deep_copy(rule);
	if (copy == NULL ||
	    json_object_set_new(copy, "resources", json_pack("[s]", resource)) < 0 ||
	    json_array_append(removed, copy) < 0) {
		json_decref(copy);
		return -ENOMEM;
	}
	json_decref(copy);
	return json_array_remove(resources, at) < 0 ? -EINVAL : 0;
}

static bool is_selected(const json_t *rule, const struct policy_selector *selector)
{
	if (selector->id != NULL)
		return is_equal(text_of(rule, "id"), selector->id);
	return find_text(json_object_get(rule, "resources"), selector->resource) != SIZE_MAX &&
	       (selector->methods == NULL ||
		is_equal(text_of(rule, "methods"), selector->methods)) &&
	       (selector->path == NULL || is_equal(text_of(rule, "path"), selector->path));
}

/* The selector with its resource in the one spelling that is stored. */
static int normalize_selector(struct policy_selector *selector, char text[POLICY_RESOURCE_MAX],
			      struct err *err)
{
	struct policy_resource resource;
	int r;

	if (selector->id != NULL) {
		size_t len = sizeof(id_prefix) - 1;

		if (strncmp(selector->id, id_prefix, len) == 0)
			selector->id += len;
		return 0;
	}
	if (selector->resource == NULL)
		return err_set(err, -EINVAL,
			       "at least one selector is required: use --id or --resource");
	r = policy_resource_parse(selector->resource, &resource, err);
	if (r < 0)
		return r;
	policy_resource_format(&resource, text);
	policy_resource_finish(&resource);
	selector->resource = text;
	return 0;
}

int stored_rules_remove(json_t *rules, const struct policy_selector *selector, json_t *removed,
			struct err *err)
{
	struct policy_selector wanted = *selector;
	char text[POLICY_RESOURCE_MAX];
	int r = normalize_selector(&wanted, text, err);

	for (size_t i = 0; r >= 0 && i < json_array_size(rules);) {
		json_t *rule = json_array_get(rules, i);

		r = 0;
		if (is_selected(rule, &wanted))
			r = wanted.id != NULL ? (json_array_append(removed, rule) < 0 ? -ENOMEM : 1)
					      : remove_resource(rule, wanted.resource, removed);
		if (r == 1)
			(void)json_array_remove(rules, i);
		else
			i++;
	}
	if (r < 0)
		return err->code < 0 ? r : err_set(err, r, "out of memory");
	if (json_array_size(removed) == 0)
		return err_set(err, -ENOENT, "no rule matches '%s'; see: sbx policy ls --wide",
			       wanted.id != NULL ? selector->id : selector->resource);
	return 0;
}
