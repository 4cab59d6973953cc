/* /template…, and /df: what sandboxes are made of, and what all of it takes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/account.h"
#include "sbxd/paths.h"
#include "sbxd/route.h"
#include "sbxd/sandbox.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_import.h"
#include "sbxd/template_lookup.h"
#include "sbxd/template_pull.h"
#include "sbxd/template_source.h"
#include "sbxd/template_store.h"

static void add_views(json_t *list, struct template *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)json_array_append_new(list, template_view(&all[i]));
		template_finish(&all[i]);
	}
	free(all);
}

static int list_templates(struct request *request, struct err *err)
{
	struct supervisor *supervisor = request->supervisor;
	struct template *builtin = NULL, *own = NULL;
	size_t builtin_count = 0, own_count = 0;
	json_t *list = json_array();

	if (templates_list(&supervisor->templates, &builtin, &builtin_count) == 0)
		add_views(list, builtin, builtin_count);
	if (template_store_list(supervisor->store, &own, &own_count) == 0)
		add_views(list, own, own_count);
	return request_reply(request, 200, json_pack("{so}", "templates", list), err);
}

/* The template that the query names. References have slashes, so they are no part of a path. */
static int find_template(struct request *request, struct template *ret, struct err *err)
{
	const char *reference = request->query(request, "reference");

	if (reference == NULL)
		return err_set(err, -EINVAL, "reference must be given");
	return template_lookup(request->supervisor, reference, ret, err);
}

static int show_template(struct request *request, struct err *err)
{
	struct template template;
	json_t *view;
	int r = find_template(request, &template, err);

	if (r < 0)
		return r;
	view = template_view(&template);
	template_finish(&template);
	return request_reply(request, 200, view, err);
}

static json_t *view_contents(struct supervisor *supervisor, const struct template *template,
			     struct err *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < template->layers.count; i++) {
		autofree char *content = NULL;

		if (template_store_content(supervisor->store, template->layers.items[i], &content,
					   err) < 0) {
			json_decref(list);
			return NULL;
		}
		(void)json_array_append_new(list, json_string(content));
	}
	return json_pack("{so}", "contents", list);
}

/* Reads layers that came with the programs, so it is no part of /template/inspect. */
static int show_contents(struct request *request, struct err *err)
{
	struct template template;
	json_t *view;
	int r = find_template(request, &template, err);

	if (r < 0)
		return r;
	view = view_contents(request->supervisor, &template, err);
	template_finish(&template);
	return view == NULL ? err->code : request_reply(request, 200, view, err);
}

static int reply_template(struct request *request, struct template *template, struct err *err)
{
	json_t *view = template_view(template);

	supervisor_audit(request->supervisor, "template", NULL,
			 json_pack("{ss ss}", "reference", template->name, "id", template->id));
	template_finish(template);
	return request_reply(request, 201, view, err);
}

static int import_archive(struct supervisor *supervisor, const char *path, const char *reference,
			  struct template *ret, struct err *err)
{
	struct template_source *source;
	int r;

	template_store_hold(supervisor->store);
	r = template_source_archive(&supervisor->artefacts, path, &source, err);
	if (r == 0) {
		r = template_import(supervisor, source, reference, ret, err);
		template_source_close(source);
	}
	template_store_release(supervisor->store);
	template_store_collect(supervisor->store, supervisor);
	return r;
}

static int load_template(struct request *request, struct err *err)
{
	const char *path, *reference = NULL;
	struct template template;
	int r = request_unpack(request, err, "{ss s?s}", "path", &path, "reference", &reference);

	if (r == 0 && path[0] != '/')
		r = err_set(err, -EINVAL, "the path '%.200s' is not absolute", path);
	if (r == 0 && reference != NULL)
		r = template_lookup_check_name(request->supervisor, reference, err);
	if (r == 0)
		r = import_archive(request->supervisor, path, reference, &template, err);
	return r < 0 ? r : reply_template(request, &template, err);
}

static int pull_template(struct request *request, struct err *err)
{
	const char *reference, *word = NULL;
	struct err warning = ERR_INIT;
	enum template_pull when;
	struct template template;
	json_t *view;
	int r = request_unpack(request, err, "{ss s?s}", "reference", &reference, "when", &word);

	if (r == 0)
		r = template_pull_parse(word, &when, err);
	if (r == 0)
		r = template_pull(request->supervisor, reference, when, &template, &warning, err);
	if (r < 0)
		return r;
	view = template_view(&template);
	template_finish(&template);
	if (view != NULL && warning.code < 0)
		(void)json_object_set_new(view, "warning", json_string(warning.text));
	return request_reply(request, 200, view, err);
}

/* What the sandbox is made from, as it was at its creation. */
static int base_of(struct request *request, const char *name, struct template *ret, struct err *err)
{
	struct sandbox *sandbox = supervisor_find(request->supervisor, name);
	int r;

	if (sandbox == NULL)
		return err_set(err, -ENOENT, "sandbox '%.80s' not found", name);
	(void)pthread_mutex_lock(&sandbox->lock);
	r = sandbox->record.template.layers.count == 0
		    ? err_set(err, -EBUSY, "sandbox '%s' was never started", name)
		    : template_copy(&sandbox->record.template, ret);
	(void)pthread_mutex_unlock(&sandbox->lock);
	if (r == 0 && ret->agent == NULL)
		ret->agent = strdup(sandbox->record.agent);
	supervisor_put(sandbox);
	return r;
}

static int save(struct request *request, const char *name, json_t *archives, const char *reference,
		struct template *ret, struct err *err)
{
	struct supervisor *supervisor = request->supervisor;
	const char *paths[TEMPLATE_SAVE_MAX];
	size_t count = json_array_size(archives);
	struct template base;
	int r;

	if (count == 0 || count > TEMPLATE_SAVE_MAX)
		return err_set(err, -EINVAL, "archives must be a list of 1 or %d paths",
			       TEMPLATE_SAVE_MAX);
	for (size_t i = 0; i < count; i++) {
		paths[i] = json_string_value(json_array_get(archives, i));
		if (paths[i] == NULL || paths[i][0] != '/')
			return err_set(err, -EINVAL, "archives must be absolute paths");
	}
	template_store_hold(supervisor->store);
	r = base_of(request, name, &base, err);
	if (r == 0) {
		r = template_import_saved(supervisor, &base, paths, count, reference, ret, err);
		template_finish(&base);
	}
	template_store_release(supervisor->store);
	template_store_collect(supervisor->store, supervisor);
	return r;
}

static int save_template(struct request *request, struct err *err)
{
	const char *name, *reference;
	struct template template;
	json_t *archives;
	int r = request_unpack(request, err, "{ss ss so}", "sandbox", &name, "reference",
			       &reference, "archives", &archives);

	if (r == 0)
		r = template_lookup_check_name(request->supervisor, reference, err);
	if (r == 0)
		r = save(request, name, archives, reference, &template, err);
	return r < 0 ? r : reply_template(request, &template, err);
}

static int remove_template(struct request *request, struct err *err)
{
	const char *reference;
	json_t *removed;
	int r = request_unpack(request, err, "{ss}", "reference", &reference);

	if (r < 0)
		return r;
	if (template_lookup_check_name(request->supervisor, reference, err) < 0)
		return err_set(err, -EINVAL, "'%s' came with sbx and cannot be removed", reference);
	r = template_store_remove(request->supervisor->store, reference, &removed, err);
	if (r < 0)
		return r;
	template_store_collect(request->supervisor->store, request->supervisor);
	return request_reply(request, 200, json_pack("{so}", "removed", removed), err);
}

static int show_account(struct request *request, struct err *err)
{
	json_t *account;
	int r = account_take(request->supervisor, &account, err);

	return r < 0 ? r : request_reply(request, 200, account, err);
}

const struct route routes_template[] = {
	{ "GET", "/template", list_templates },
	{ "GET", "/template/inspect", show_template },
	{ "GET", "/template/contents", show_contents },
	{ "POST", "/template/load", load_template },
	{ "POST", "/template/pull", pull_template },
	{ "POST", "/template/save", save_template },
	{ "POST", "/template/remove", remove_template },
	{ "GET", "/df", show_account },
	{ NULL, NULL, NULL },
};
