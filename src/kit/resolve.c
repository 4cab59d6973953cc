#include "kit/resolve.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "kit/archive.h"
#include "kit/asks.h"
#include "kit/compose.h"
#include "kit/digest.h"
#include "yaml/document.h"

struct resolving {
	const struct resolve_request *request;
	const struct kit_fetch *fetch;
	struct composition composition;
	struct err *err;
};

static void composition_finish(struct composition *composition)
{
	for (size_t i = 0; i < composition->count; i++) {
		kit_finish(&composition->parts[i].kit);
		kit_bundle_finish(&composition->parts[i].bundle);
	}
	composition->count = 0;
}

/* Fetches and reads a kit; it is the last part then. */
static int add(struct resolving *resolving, const char *reference, const struct kit_bundle *from)
{
	struct composition *composition = &resolving->composition;
	struct part part = { .bundle = { .name = NULL } };
	int r;

	if (composition->count == PARTS_MAX)
		return err_set(resolving->err, -EINVAL, "more than %d kits together", PARTS_MAX);
	r = resolving->fetch->fetch(resolving->fetch->context, reference, from, &part.bundle,
				    resolving->err);
	if (r < 0)
		return r;
	r = kit_parse_bundle(&part.bundle, &resolving->request->values, &part.kit, resolving->err);
	if (r < 0) {
		kit_bundle_finish(&part.bundle);
		return r;
	}
	composition->parts[composition->count++] = part;
	return 0;
}

static const char *parent_of(const struct part *part)
{
	return json_string_value(json_object_get(part->kit.spec, "extends"));
}

static int check_parent(const struct resolving *resolving, size_t child, struct err *err)
{
	const struct composition *composition = &resolving->composition;
	const struct part *parent = &composition->parts[composition->count - 1];
	char place[PLACE_SIZE];

	part_place_key(&composition->parts[child], "extends", place);
	if (kit_is_mixin(&parent->kit))
		return err_set(err, -EBADMSG,
			       "%s: the kit '%s' is a mixin; only a sandbox kit can be extended",
			       place, kit_name(&parent->kit));
	for (size_t i = 0; i + 1 < composition->count; i++)
		if (strcmp(kit_name(&composition->parts[i].kit), kit_name(&parent->kit)) == 0)
			return err_set(err, -ELOOP, "%s: the kit '%s' extends itself", place,
				       kit_name(&parent->kit));
	return 0;
}

/* The sandbox kit and then its parents, which come first in the end. */
static int add_line(struct resolving *resolving)
{
	struct composition *composition = &resolving->composition;
	const char *parent;
	int r = add(resolving, resolving->request->base, NULL);

	if (r == 0 && kit_is_mixin(&composition->parts[0].kit))
		return err_set(
			resolving->err, -EINVAL,
			"the kit '%s' is a mixin; give it to an agent: sbx run AGENT --kit %s",
			kit_name(&composition->parts[0].kit), resolving->request->base);
	while (r == 0 &&
	       (parent = parent_of(&composition->parts[composition->count - 1])) != NULL) {
		size_t child = composition->count - 1;

		if (child == RESOLVE_EXTENDS_MAX)
			return err_set(resolving->err, -ELOOP,
				       "the kit '%s' extends more than %d kits above one another",
				       resolving->request->base, RESOLVE_EXTENDS_MAX);
		r = add(resolving, parent, &composition->parts[child].bundle);
		if (r == 0)
			r = check_parent(resolving, child, resolving->err);
	}
	if (r < 0)
		return r;
	composition->base = composition->count - 1;
	for (size_t i = 0, j = composition->base; i < j; i++, j--) {
		struct part part = composition->parts[i];

		composition->parts[i] = composition->parts[j];
		composition->parts[j] = part;
	}
	return 0;
}

static int add_mixins(struct resolving *resolving)
{
	const struct resolve_request *request = resolving->request;
	struct composition *composition = &resolving->composition;
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->mixins_count; i++) {
		const struct part *last = &composition->parts[composition->count];

		r = add(resolving, request->mixins[i], NULL);
		if (r == 0 && !kit_is_mixin(&last->kit))
			r = err_set(
				resolving->err, -EINVAL,
				"the kit '%s' is a sandbox kit, and a sandbox has one; run it by "
				"itself: sbx run %s",
				kit_name(&last->kit), request->mixins[i]);
	}
	return r;
}

/* Every value that was given must be meant for some kit. */
static int check_values(const struct resolving *resolving)
{
	const struct composition *composition = &resolving->composition;
	const struct kit_values *values = &resolving->request->values;

	for (size_t i = 0; i < values->count; i++) {
		const char *item = values->items[i];
		bool is_taken = false;

		if (strchr(item, '=') == NULL)
			return err_set(resolving->err, -EINVAL,
				       "'%s' is no argument of a kit; write NAME=VALUE", item);
		for (size_t j = 0; j < composition->count && !is_taken; j++) {
			const struct part *part = &composition->parts[j];
			const struct kit_names names = { kit_name(&part->kit),
							 part->bundle.handle };

			is_taken = arguments_takes(part->kit.arguments, &names, item);
		}
		if (!is_taken)
			return err_set(resolving->err, -EINVAL,
				       "no kit here has the argument '%.*s'",
				       (int)strcspn(item, "="), item);
	}
	return 0;
}

static int add_warnings(const struct composition *composition, struct resolved_kit *ret)
{
	int r = 0;

	for (size_t i = 0; i < composition->count; i++)
		r |= json_array_extend(ret->warnings, composition->parts[i].kit.warnings);
	return r;
}

static int add_strangers(const struct composition *composition, struct resolved_kit *ret)
{
	int r = 0;

	for (size_t i = 0; i < composition->count; i++) {
		const struct part *part = &composition->parts[i];

		if (!part->bundle.is_builtin)
			r |= json_array_append_new(ret->strangers,
						   kit_stranger(&part->bundle, &part->kit));
	}
	return r;
}

static int archive(const struct composition *composition, struct buf *ret, struct err *err)
{
	struct archive_layer layers[PARTS_MAX];

	for (size_t i = 0; i < composition->count; i++)
		layers[i] = (struct archive_layer){ &composition->parts[i].bundle,
						    composition->parts[i].kit.arguments };
	return kit_archive(layers, composition->count, ret, err);
}

/* Over the object, its members sorted, and a digest of the files. */
static int add_digest(struct resolved_kit *resolved)
{
	autocall(buf_finish) struct buf whole = { .data = NULL };
	autofree char *object = json_dumps(resolved->kit, JSON_COMPACT | JSON_SORT_KEYS);
	char digest[DIGEST_TEXT_SIZE];
	int r;

	if (object == NULL)
		return -ENOMEM;
	buf_init(&whole, SIZE_MAX);
	digest_text(resolved->files.data, resolved->files.len, digest);
	r = buf_printf(&whole, "%s\n%s\n", object, digest);
	digest_text(whole.data, whole.len, digest);
	if (r == 0)
		r = json_object_set_new(resolved->kit, "digest", json_string(digest));
	return r;
}

static int finish_resolving(struct resolving *resolving, struct resolved_kit *ret)
{
	const struct composition *composition = &resolving->composition;
	int r = compose_check(composition, resolving->err);

	if (r == 0)
		r = compose_merge(composition, &ret->kit, resolving->err);
	if (r == 0)
		r = archive(composition, &ret->files, resolving->err);
	if (r < 0)
		return r;
	if (add_warnings(composition, ret) < 0 || add_strangers(composition, ret) < 0 ||
	    add_digest(ret) < 0)
		return err_set(resolving->err, -ENOMEM, "out of memory");
	return 0;
}

int kit_resolve(const struct resolve_request *request, const struct kit_fetch *fetch,
		struct resolved_kit *ret, struct err *err)
{
	autofree struct resolving *resolving = calloc(1, sizeof(*resolving));
	struct resolved_kit resolved = { .warnings = json_array(), .strangers = json_array() };
	int r;

	buf_init(&resolved.files, RESOLVE_TAR_MAX);
	if (resolving == NULL)
		r = err_set(err, -ENOMEM, "out of memory");
	else {
		*resolving = (struct resolving){ .request = request, .fetch = fetch, .err = err };
		r = add_line(resolving);
		if (r == 0)
			r = add_mixins(resolving);
		if (r == 0)
			r = check_values(resolving);
		if (r == 0)
			r = finish_resolving(resolving, &resolved);
		composition_finish(&resolving->composition);
	}
	if (r < 0)
		resolved_kit_finish(&resolved);
	else
		*ret = resolved;
	return r;
}

void resolved_kit_finish(struct resolved_kit *resolved)
{
	if (resolved == NULL)
		return;
	json_decref(resolved->kit);
	json_decref(resolved->warnings);
	json_decref(resolved->strangers);
	buf_finish(&resolved->files);
	*resolved = (struct resolved_kit){ .kit = NULL };
}
