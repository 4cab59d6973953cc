#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/secret_state.h"

enum { FORMAT_MAX = 128 };

static void kit_finish(struct secret_kit *kit)
{
	free(kit->sandbox);
	services_finish(&kit->services);
	string_list_finish(&kit->env);
	*kit = (struct secret_kit){ .sandbox = NULL };
}

const struct secret_kit *secret_kit_find(const struct secret_store *store, const char *sandbox)
{
	for (size_t i = 0; sandbox != NULL && i < store->kits_count; i++)
		if (strcmp(store->kits[i].sandbox, sandbox) == 0)
			return &store->kits[i];
	return NULL;
}

const struct service *secret_kit_service(const struct secret_store *store, const char *name)
{
	const struct service *found = NULL;

	for (size_t i = 0; found == NULL && i < store->kits_count; i++)
		found = services_find(&store->kits[i].services, name);
	return found;
}

void secret_kits_finish(struct secret_store *store)
{
	while (store->kits_count > 0)
		kit_finish(&store->kits[--store->kits_count]);
	free(store->kits);
}

static void forget(struct secret_store *store, const char *sandbox)
{
	struct secret_kit *kit = (struct secret_kit *)(uintptr_t)secret_kit_find(store, sandbox);

	if (kit == NULL)
		return;
	kit_finish(kit);
	*kit = store->kits[--store->kits_count];
}

static const char *text_of(const json_t *json, const char *member)
{
	return json_string_value(json_object_get(json, member));
}

/* "FORMAT" with one %s in it, and nothing that would end a header. */
static bool is_format(const char *text)
{
	const char *place = strstr(text, "%s");

	for (const char *c = text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return place != NULL && strchr(place + 2, '%') == NULL && strchr(text, '%') == place &&
	       strlen(text) <= FORMAT_MAX;
}

/* One "inject" statement of credential/service.h. */
static int add_inject(struct buf *text, const json_t *inject, struct err *err)
{
	const char *header = text_of(inject, "header"), *scheme = text_of(inject, "scheme");
	const char *format = text_of(inject, "format"), *username = text_of(inject, "username");
	bool is_basic = scheme != NULL && strcmp(scheme, "basic") == 0;
	bool is_raw = header != NULL && strcasecmp(header, "authorization") != 0 && scheme == NULL;
	size_t start = text->len;
	int r = buf_printf(text, "inject %s %s%s %s\n", header != NULL ? header : "authorization",
			   is_basic ? "basic:"
			   : is_raw ? "raw"
				    : "bearer",
			   is_basic && username != NULL ? username : "", text_of(inject, "domain"));

	if (format != NULL && !is_format(format))
		return err_set(err, -EINVAL,
			       "the format '%.80s' of a credential must hold %%s once", format);
	if (r < 0)
		return err_set(err, r, "a credential of the kit is too long");
	for (size_t i = start; i < text->len; i++) /* names of hosts and headers; users are not */
		if (!is_basic)
			text->data[i] = (uint8_t)tolower(text->data[i]);
	return 0;
}

/* Formats are not words of a line: they are put in afterwards. */
static int set_formats(struct service *service, const json_t *injects)
{
	for (size_t i = 0; i < service->injects_count; i++) {
		const char *format = text_of(json_array_get(injects, i), "format");
		char *copy = format != NULL ? strdup(format) : NULL;

		if (format == NULL)
			continue;
		if (copy == NULL)
			return -ENOMEM;
		free(service->injects[i].format);
		service->injects[i].format = copy;
	}
	return 0;
}

/* A service of the kit's own. */
static int make_service(const json_t *credential, struct service *ret, struct err *err)
{
	const json_t *injects = json_object_get(json_object_get(credential, "api_key"), "inject");
	autocall(buf_finish) struct buf text = { 0 };
	int r;

	buf_init(&text, SERVICE_FILE_MAX);
	r = buf_printf(&text, "service %s\n", text_of(credential, "service"));
	for (size_t i = 0; r == 0 && i < json_array_size(injects); i++)
		r = add_inject(&text, json_array_get(injects, i), err);
	if (r == 0)
		r = service_parse((const char *)text.data, text.len, ret, err);
	if (r == 0 && set_formats(ret, injects) < 0) {
		service_finish(ret);
		r = err_set(err, -ENOMEM, "out of memory");
	}
	return r < 0 ? err_wrap(err, "the kit's credential '%s'", text_of(credential, "service"))
		     : 0;
}

static int add_service(struct secret_kit *kit, const json_t *credential, struct err *err)
{
	struct service *items =
		realloc(kit->services.items, (kit->services.count + 1) * sizeof(*items));
	int r;

	if (items == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	kit->services.items = items;
	r = make_service(credential, &items[kit->services.count], err);
	if (r == 0)
		kit->services.count++;
	return r;
}

static int add_env(struct secret_kit *kit, const json_t *credential)
{
	const char *name = text_of(json_object_get(credential, "api_key"), "env");
	autofree char *line = NULL;

	if (name == NULL)
		return 0;
	if (asprintf(&line, "%s=%s", name, text_of(credential, "service")) < 0)
		return -ENOMEM;
	return string_list_add(&kit->env, line);
}

/* What sbxd knows of a service counts more than what a kit says of it. */
static int add_credential(const struct secret_store *store, struct secret_kit *kit,
			  const json_t *credential, struct err *err)
{
	const char *name = text_of(credential, "service");
	int r = 0;

	if (services_find(&store->services, name) == NULL &&
	    services_find(&kit->services, name) == NULL)
		r = add_service(kit, credential, err);
	if (r == 0 && add_env(kit, credential) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}

static int enter(struct secret_store *store, struct secret_kit *kit, const char *sandbox)
{
	struct secret_kit *kits = realloc(store->kits, (store->kits_count + 1) * sizeof(*kits));

	if (kits == NULL)
		return -ENOMEM;
	store->kits = kits;
	kit->sandbox = strdup(sandbox);
	if (kit->sandbox == NULL)
		return -ENOMEM;
	kits[store->kits_count++] = *kit;
	return 0;
}

int secret_store_set_kit(struct secret_store *store, const char *sandbox, const json_t *credentials,
			 struct err *err)
{
	struct secret_kit kit = { .sandbox = NULL };
	int r = 0;

	(void)pthread_mutex_lock(&store->lock);
	forget(store, sandbox);
	for (size_t i = 0; r == 0 && i < json_array_size(credentials); i++)
		r = add_credential(store, &kit, json_array_get(credentials, i), err);
	if (r == 0 && enter(store, &kit, sandbox) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r < 0)
		kit_finish(&kit);
	else
		store->generation++;
	(void)pthread_mutex_unlock(&store->lock);
	return r;
}

void secret_store_forget_kit(struct secret_store *store, const char *sandbox)
{
	if (store == NULL)
		return;
	(void)pthread_mutex_lock(&store->lock);
	forget(store, sandbox);
	(void)pthread_mutex_unlock(&store->lock);
}
