/*
 * Schema version 3 said in the words of version 2, as far as they go. A kit
 * of version 3 has no name: it is what its user calls it. A workload's root
 * filesystem is the image that the descriptor came with.
 */
#include "kit/version.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/capability.h"
#include "kit/kit.h"
#include "kit/text.h"
#include "yaml/document.h"
#include "yaml/scalar.h"

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

static int fold_identity(const struct kit *kit, const json_t *old, const struct kit_text *source,
			 json_t *spec, struct err *err)
{
	static const struct {
		const char *from, *to;
	} rows[] = { { "version", "version" },	       { "displayName", "displayName" },
		     { "description", "description" }, { "sourceUrl", "sourceURL" },
		     { "licenses", "licenses" },       { "conflicts", "conflicts" } };
	bool is_mixin = strcmp(text(old, "kind"), "mixin") == 0;
	int r;

	if (source->handle == NULL || text_name(source->handle) != NULL)
		return err_set(err, -EBADMSG, "%s: '%s' cannot be the name of a kit: it must be %s",
			       kit->document.name, source->handle != NULL ? source->handle : "",
			       text_name(""));
	r = json_object_set_new(spec, "schemaVersion", json_string("2"));
	r |= json_object_set_new(spec, "name", json_string(source->handle));
	r |= json_object_set_new(spec, "kind", json_string(is_mixin ? "mixin" : "sandbox"));
	for (size_t i = 0; i < countof(rows); i++)
		if (json_object_get(old, rows[i].from) != NULL)
			r |= json_object_set(spec, rows[i].to, json_object_get(old, rows[i].from));
	return r < 0 ? out_of_memory(err) : 0;
}

/* What a kit's content is made of cannot be built here, nor merged into another image. */
static int fold_content(struct kit *kit, const json_t *old, const struct kit_text *source,
			struct err *err)
{
	const char *name = kit->document.name;
	bool has_recipe = text(old, "build") != NULL || text(old, "dockerfile") != NULL;

	if (json_object_get(old, "kits") != NULL || strcmp(text(old, "kind"), "set") == 0)
		return err_set(err, -EBADMSG,
			       "%s: a set of kits cannot be used as one; name its kits with --kit",
			       name);
	if (kit_is_mixin(kit) && (has_recipe || source->image != NULL))
		return kit_warn(kit, "%s: the files of a mixin's image are not added", name) < 0
			       ? out_of_memory(err)
			       : 0;
	if (kit_is_mixin(kit))
		return 0;
	if (source->image == NULL)
		return err_set(err, -EBADMSG,
			       "%s: a workload is an image; build and push it, then use its "
			       "reference",
			       name);
	return json_object_set_new(kit->spec, "sandbox",
				   json_pack("{s:s}", "image", source->image)) < 0
		       ? out_of_memory(err)
		       : 0;
}

/* Bare names out of "name", "name@1.2" and "name >= 1.2". */
static int fold_names(struct kit *kit, const json_t *old, const char *key, struct err *err)
{
	json_t *names = json_array(), *item;
	bool is_open = false, is_package;
	size_t i;
	int r = json_object_set_new(kit->spec, strcmp(key, "requires") == 0 ? "needs" : key, names);

	json_array_foreach(json_object_get(old, key), i, item)
	{
		const char *whole = json_string_value(item);
		size_t length = strcspn(whole, "@ \t<>=,");

		is_package = strncmp(whole, "deb/", 4) == 0 || strncmp(whole, "apk/", 4) == 0;
		is_open |= strcmp(key, "requires") == 0 && (whole[length] != '\0' || is_package);
		if (is_package)
			continue;
		if (strncmp(whole, "com.docker.kit/", 15) == 0) {
			whole += 15;
			length -= 15;
		}
		r |= json_array_append_new(names, json_stringn(whole, length));
	}
	if (is_open)
		r |= kit_warn(kit, "%s: versions and packages in requires are not looked at",
			      kit->document.name);
	return r < 0 ? out_of_memory(err) : 0;
}

/* Arguments that say so become variables. */
static int fold_arguments(struct kit *kit, const json_t *old, struct err *err)
{
	json_t *variables = json_object(), *argument;
	const char *name;
	int r = json_object_set_new(kit->spec, "environment",
				    json_pack("{s:O}", "variables", variables));

	json_object_foreach(json_object_get(old, "args"), name,
			    argument) if (text(argument, "env") != NULL) r |=
		json_object_set(variables, text(argument, "env"),
				json_object_get(kit->arguments, name));
	json_decref(variables);
	return r < 0 ? out_of_memory(err) : 0;
}

static bool is_true(const struct node *node)
{
	bool value = false;

	return node != NULL && node_bool(node, &value) == 0 && value;
}

/* Of one entry, or of a member of a group. *skip: it cannot be had, and need not be. */
static int judge(struct kit *kit, const struct node *node, bool is_optional, bool *skip,
		 struct err *err)
{
	const struct node *type = node_member(node, "type");

	*skip = false;
	if (type == NULL)
		return node_refuse(&kit->document, node, err, "a capability lacks its type");
	switch (capability_kind(type->text)) {
	case CAPABILITY_MAPPED:
		return 0;
	case CAPABILITY_MISSED:
		*skip = true;
		return kit_warn(kit, "%s:%u: %s has no effect here", kit->document.name, type->line,
				type->text) < 0
			       ? out_of_memory(err)
			       : 0;
	case CAPABILITY_UNKNOWN:
		break;
	}
	*skip = true;
	if (!is_optional)
		return node_refuse(&kit->document, type, err,
				   "the kit needs %s, which is not to be had here", type->text);
	return kit_warn(kit, "%s:%u: %s is not to be had here; the kit does without",
			kit->document.name, type->line, type->text) < 0
		       ? out_of_memory(err)
		       : 0;
}

/* All members or none, unless those missing are harmless. */
static int fold_group(struct kit *kit, const struct node *group, struct err *err)
{
	const struct node *list = node_member(group, "capabilities");
	bool is_optional = is_true(node_member(group, "optional")), skip;
	int r = 0;

	if (list->count == 0)
		return node_refuse_key(&kit->document, list, err, "the group is empty");
	node_for_each (entry, list) {
		r = judge(kit, entry, is_optional, &skip, err);
		if (r < 0)
			return r;
		if (skip && capability_kind(node_member(entry, "type")->text) == CAPABILITY_UNKNOWN)
			return 0;
	}
	node_for_each (entry, list) {
		if (capability_kind(node_member(entry, "type")->text) == CAPABILITY_MAPPED)
			r = capability_add(kit, entry, is_optional, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fold_capability(struct kit *kit, const struct node *entry, struct err *err)
{
	const struct node *group = node_member(entry, "group");
	bool is_optional = is_true(node_member(entry, "optional")), skip;
	int r;

	if (group != NULL && entry->count > 1)
		return node_refuse(&kit->document, entry, err,
				   "a group has no other members beside it");
	if (group != NULL)
		return fold_group(kit, group, err);
	r = judge(kit, entry, is_optional, &skip, err);
	return r == 0 && !skip ? capability_add(kit, entry, is_optional, err) : r;
}

int version_3_fold(struct kit *kit, const struct kit_text *source, struct err *err)
{
	const struct node *list = node_member(kit->document.root, "capabilities");
	json_t *old = kit->spec;
	int r;

	kit->spec = json_object();
	r = fold_identity(kit, old, source, kit->spec, err);
	if (r == 0)
		r = fold_content(kit, old, source, err);
	if (r == 0)
		r = fold_names(kit, old, "provides", err);
	if (r == 0)
		r = fold_names(kit, old, "requires", err);
	if (r == 0)
		r = fold_arguments(kit, old, err);
	for (const struct node *entry = list != NULL ? list->children : NULL;
	     r == 0 && entry != NULL; entry = entry->next)
		r = fold_capability(kit, entry, err);
	json_decref(old);
	return r;
}
