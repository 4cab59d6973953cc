#include "kit/compose.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "yaml/scalar.h"

/* The member at a dotted path, as far as the file has it; NULL when it does not. */
static const struct node *node_at(const struct part *part, const char *path)
{
	const struct node *node = part->kit.document.root;
	autofree char *copy = strdup(path);
	char *rest = copy, *key;

	if (copy == NULL)
		return NULL;
	while (node != NULL && (key = strsep(&rest, ".")) != NULL)
		node = node_member(node, key);
	return node != NULL && !node_is_null(node) ? node : NULL;
}

void part_place_key(const struct part *part, const char *path, char ret[PLACE_SIZE])
{
	const struct node *node = node_at(part, path);

	if (node == NULL)
		(void)snprintf(ret, PLACE_SIZE, "%s", part->kit.document.name);
	else
		(void)snprintf(ret, PLACE_SIZE, "%s:%u:%u", part->kit.document.name, node->key_line,
			       node->key_column);
}

void part_place_item(const struct part *part, const char *path, size_t index, char ret[PLACE_SIZE])
{
	const struct node *list = node_at(part, path), *item = list != NULL ? list->children : NULL;

	for (size_t i = 0; item != NULL && i < index; i++)
		item = item->next;
	if (item == NULL)
		(void)snprintf(ret, PLACE_SIZE, "%s", part->kit.document.name);
	else
		(void)snprintf(ret, PLACE_SIZE, "%s:%u:%u", part->kit.document.name, item->line,
			       item->column);
}

static int check_names(const struct composition *composition, struct err *err)
{
	char here[PLACE_SIZE], there[PLACE_SIZE];

	for (size_t i = 0; i < composition->count; i++) {
		const struct part *part = &composition->parts[i];

		for (size_t j = 0; j < i; j++) {
			if (strcmp(kit_name(&part->kit), kit_name(&composition->parts[j].kit)) != 0)
				continue;
			part_place_key(part, "name", here);
			part_place_key(&composition->parts[j], "name", there);
			return err_set(err, -EBADMSG,
				       "%s: a kit called '%s' is there already, at %s", here,
				       kit_name(&part->kit), there);
		}
	}
	return 0;
}

/* A mixin made for one agent goes with it and with what extends it. */
static int check_agent(const struct composition *composition, const struct part *mixin,
		       struct err *err)
{
	const char *agent = json_string_value(
		json_object_get(json_object_get(mixin->kit.spec, "requires"), "agent"));
	const struct part *base = &composition->parts[composition->base];
	char here[PLACE_SIZE], there[PLACE_SIZE];

	if (agent == NULL)
		return 0;
	for (size_t i = 0; i <= composition->base; i++)
		if (strcmp(kit_name(&composition->parts[i].kit), agent) == 0)
			return 0;
	part_place_key(mixin, "requires.agent", here);
	part_place_key(base, "name", there);
	return err_set(err, -EBADMSG, "%s: the kit '%s' is for the agent '%s'; this is '%s', at %s",
		       here, kit_name(&mixin->kit), agent, kit_name(&base->kit), there);
}

/* The kit that is called so or provides it, but not this one; NULL: none does. */
static const struct part *provider(const struct composition *composition, const char *wanted,
				   const struct part *but)
{
	json_t *name;
	size_t j;

	for (size_t i = 0; i < composition->count; i++) {
		const struct part *part = &composition->parts[i];

		if (part == but)
			continue;
		if (strcmp(kit_name(&part->kit), wanted) == 0)
			return part;
		json_array_foreach(json_object_get(part->kit.spec, "provides"), j,
				   name) if (strcmp(json_string_value(name), wanted) ==
					     0) return part;
	}
	return NULL;
}

/* What kits of schema version 3 require of each other. */
static int check_needs(const struct composition *composition, const struct part *part,
		       struct err *err)
{
	char here[PLACE_SIZE], there[PLACE_SIZE];
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(part->kit.spec, "needs"), i, name)
	{
		if (provider(composition, json_string_value(name), part) != NULL)
			continue;
		part_place_item(part, "requires", i, here);
		return err_set(err, -EBADMSG,
			       "%s: the kit '%s' requires '%s', and no kit provides it", here,
			       kit_name(&part->kit), json_string_value(name));
	}
	json_array_foreach(json_object_get(part->kit.spec, "conflicts"), i, name)
	{
		const struct part *other = provider(composition, json_string_value(name), part);

		if (other == NULL)
			continue;
		part_place_item(part, "conflicts", i, here);
		part_place_item(other, "provides", 0, there);
		return err_set(err, -EBADMSG, "%s: the kit '%s' does not go with '%s', at %s", here,
			       kit_name(&part->kit), kit_name(&other->kit), there);
	}
	return 0;
}

/* Does it say anything? A container of nothing does not. As deep as the grammar is. */
static bool says_something(const json_t *value)
{
	const char *key;
	json_t *member;

	if (json_is_array(value))
		return json_array_size(value) > 0;
	if (!json_is_object(value))
		return value != NULL && !json_is_null(value);
	json_object_foreach((json_t *)value, key, member) if (says_something(member)) return true;
	return false;
}

/* The member at a dotted path, in the words of version 2 whatever the file's own are. */
static const json_t *spec_at(const struct part *part, const char *path)
{
	const json_t *value = part->kit.spec;
	autofree char *copy = strdup(path);
	char *rest = copy, *key;

	while (value != NULL && (key = strsep(&rest, ".")) != NULL)
		value = json_object_get(value, key);
	return value;
}

/* A later kit may not say anything about what `part` has locked. */
static int check_locks(const struct composition *composition, size_t at, struct err *err)
{
	const struct part *part = &composition->parts[at];
	char here[PLACE_SIZE], there[PLACE_SIZE];
	json_t *path;
	size_t i;

	json_array_foreach(json_object_get(part->kit.spec, "locked"), i, path)
	{
		const char *locked = json_string_value(path);

		for (size_t j = at + 1; j < composition->count; j++) {
			const struct part *later = &composition->parts[j];

			if (!says_something(spec_at(later, locked)))
				continue;
			part_place_key(later, locked, here);
			part_place_item(part, "locked", i, there);
			return err_set(err, -EBADMSG, "%s: %s is locked by the kit '%s', at %s",
				       here, locked, kit_name(&part->kit), there);
		}
	}
	return 0;
}

int compose_check(const struct composition *composition, struct err *err)
{
	int r = check_names(composition, err);

	for (size_t i = composition->base + 1; r == 0 && i < composition->count; i++)
		r = check_agent(composition, &composition->parts[i], err);
	for (size_t i = 0; r == 0 && i < composition->count; i++)
		r = check_needs(composition, &composition->parts[i], err);
	for (size_t i = 0; r == 0 && i < composition->count; i++)
		r = check_locks(composition, i, err);
	return r;
}
