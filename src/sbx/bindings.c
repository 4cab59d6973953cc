#include "sbx/bindings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "envfile/grammar.h"
#include "sbx/settings.h"
#include "yaml/document.h"

static int out_of_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

static int parse(const char *path, const struct buf *text, json_t **ret, struct err *err)
{
	autocall(document_finish) struct document document = { .root = NULL };
	json_t *file = NULL;
	int r = document_parse(path, text->data, text->len, &document, err);

	if (r == 0)
		r = rule_check(&document, document.root, envfile_bindings, &file, err);
	if (r < 0)
		return r;
	*ret = json_object_get(file, "bindings");
	*ret = *ret != NULL ? json_incref(*ret) : json_object();
	json_decref(file);
	return 0;
}

static int read_file(const char *path, json_t **ret, struct err *err)
{
	autocall(buf_finish) struct buf text;
	int r;

	buf_init(&text, DOCUMENT_BYTES_MAX);
	r = file_read(AT_FDCWD, path, &text);
	if (r == -ENOENT) {
		*ret = json_object();
		return 0;
	}
	return r < 0 ? err_set_errno(err, r, "cannot read '%s'", path)
		     : parse(path, &text, ret, err);
}

int bindings_read(json_t **ret, struct err *err)
{
	autofree char *path = settings_path("credentials.yaml");

	if (path == NULL) {
		*ret = json_object();
		return 0;
	}
	return read_file(path, ret, err);
}

/* A list of strings in quotes, which YAML understands as JSON does. */
static int print_domains(struct buf *text, const char *kind, const json_t *binding)
{
	autofree char *domains = json_dumps(
		json_object_get(json_object_get(binding, kind), "domains"), JSON_ENCODE_ANY);

	return domains == NULL ? 0
			       : buf_printf(text, "    %s:\n      domains: %s\n", kind, domains);
}

static int print(struct buf *text, const json_t *bindings)
{
	const char *service;
	json_t *binding;
	int r = buf_printf(text,
			   "# Where keys and logins may go, whichever kit asks for it.\n"
			   "bindings:%s\n",
			   json_object_size(bindings) == 0 ? " {}" : "");

	json_object_foreach((json_t *)(uintptr_t)bindings, service, binding)
	{
		r |= buf_printf(text, "  %s:%s\n", service,
				json_object_size(binding) == 0 ? " {}" : "");
		r |= print_domains(text, "apiKey", binding);
		r |= print_domains(text, "oauth", binding);
	}
	return r;
}

static int write_file(const json_t *bindings, struct err *err)
{
	autofree char *path = settings_path("credentials.yaml"), *folder = settings_path("");
	autocall(buf_finish) struct buf text;
	int r;

	buf_init(&text, DOCUMENT_BYTES_MAX);
	if (path == NULL || folder == NULL)
		return err_set(err, -ENOENT,
			       "there is no configuration folder for credentials.yaml; set HOME");
	if (print(&text, bindings) != 0)
		return err_set(err, -EFBIG, "'%s' would be too large", path);
	r = file_make_folders(folder, 0700);
	if (r == 0)
		r = file_write(AT_FDCWD, path, text.data, text.len, 0600);
	return r < 0 ? err_set_errno(err, r, "cannot write '%s'", path) : 0;
}

static bool holds(const json_t *list, const json_t *value)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_equal(item, value))
			return true;
	}
	return false;
}

/* The member, made as an object or list when it is not there; weak. */
static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
	if (json_object_get(object, key) == NULL)
		(void)json_object_set_new(object, key, make());
	return json_object_get(object, key);
}

static int add_domains(json_t *there, const char *service, const char *kind, const json_t *binding,
		       bool *changed)
{
	const json_t *more = json_object_get(json_object_get(binding, kind), "domains");
	json_t *list, *domain;
	size_t i;
	int r = 0;

	if (more == NULL)
		return 0;
	list = member(member(member(there, service, json_object), kind, json_object), "domains",
		      json_array);
	json_array_foreach(more, i, domain)
	{
		if (holds(list, domain))
			continue;
		*changed = true;
		r |= json_array_append(list, domain);
	}
	return r;
}

int bindings_add(const json_t *bindings, struct err *err)
{
	json_t *there = NULL, *binding;
	const char *service;
	bool changed = false;
	int r = bindings_read(&there, err), added = 0;

	json_object_foreach((json_t *)(uintptr_t)bindings, service, binding)
	{
		if (r < 0)
			return r;
		added |= add_domains(there, service, "apiKey", binding, &changed);
		added |= add_domains(there, service, "oauth", binding, &changed);
	}
	if (r == 0 && added != 0)
		r = out_of_memory(err);
	if (r == 0 && changed)
		r = write_file(there, err);
	json_decref(there);
	return r;
}

int bindings_remove(const json_t *bindings, struct err *err)
{
	json_t *there = NULL, *binding;
	const char *service;
	bool changed = false;
	int r = bindings_read(&there, err);

	json_object_foreach((json_t *)(uintptr_t)bindings, service, binding)
	{
		changed |= r == 0 && json_object_del(there, service) == 0;
	}
	if (r == 0 && changed)
		r = write_file(there, err);
	json_decref(there);
	return r;
}
