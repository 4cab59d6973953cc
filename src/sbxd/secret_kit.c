#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "credential/credential.h"
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

/* One word of a line: nothing in it begins another line or another word. */
static bool is_word(const char *text)
{
	for (const char *c = text; c != NULL && *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return text != NULL && text[0] != '\0';
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
	int r;

	if (!is_word(text_of(inject, "domain")) || (header != NULL && !is_word(header)) ||
	    (username != NULL && !is_word(username)))
		return err_set(err, -EINVAL,
			       "a domain, a header and a username of a credential are one word "
			       "each");
	r = buf_printf(text, "inject %s %s%s %s\n", header != NULL ? header : "authorization",
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

/* "~/x" and "/home/agent/x" to what lies below the home; NULL: it lies elsewhere. */
static const char *below_home(const char *path)
{
	static const char *const homes[] = { "~/", "/home/agent/" };

	for (size_t i = 0; i < countof(homes); i++)
		if (strncmp(path, homes[i], strlen(homes[i])) == 0)
			return path + strlen(homes[i]);
	return NULL;
}

/* The placeholders of kits in the words of credential/service.h; -EINVAL: there are others. */
static int translate(const char *from, struct buf *ret)
{
	static const char *const words[][2] = { { "{{.AccessToken}}", "%access%" },
						{ "{{.RefreshToken}}", "%refresh%" },
						{ "\"{{.ExpiresAt}}\"", "%expires%" },
						{ "{{.ExpiresAt}}", "%expires%" },
						{ "\"{{.Scopes}}\"", "[]" } };
	int r = 0;

	while (r == 0 && *from != '\0') {
		size_t i = 0;

		while (i < countof(words) && strncmp(from, words[i][0], strlen(words[i][0])) != 0)
			i++;
		if (i == countof(words) && strncmp(from, "{{", 2) == 0)
			return -EINVAL;
		r = i < countof(words) ? buf_printf(ret, "%s", words[i][1])
				       : buf_append(ret, from, 1);
		from += i < countof(words) ? strlen(words[i][0]) : 1;
	}
	return r;
}

/* The file in which the guest's program looks for its login: "structure" as JSON, or a text. */
static int add_file(struct buf *text, const json_t *file, struct err *err)
{
	const json_t *structure = json_object_get(file, "structure");
	const char *path = text_of(file, "path"), *template = text_of(file, "template");
	autofree char *dumped =
		json_is_object(structure) ? json_dumps(structure, JSON_COMPACT) : NULL;
	int r;

	path = path != NULL ? below_home(path) : NULL;
	if (path == NULL)
		return err_set(err, -EINVAL,
			       "its file must be below the home, like ~/.x/login.json");
	if (dumped == NULL && template == NULL)
		return err_set(err, -EINVAL, "its file needs a structure or a template");
	if (dumped == NULL && strpbrk(template, "\r\n") != NULL)
		return err_set(err, -EINVAL, "the template of its file has more than one line");
	r = buf_printf(text, "oauth-file %s\noauth-text ", path);
	if (r == 0)
		r = translate(dumped != NULL ? dumped : template, text);
	if (r == 0)
		r = buf_printf(text, "\n");
	return r == -EINVAL ? err_set(err, r,
				      "its file has a placeholder other than {{.AccessToken}}, "
				      "{{.RefreshToken}}, {{.ExpiresAt}} and {{.Scopes}}")
	       : r < 0	    ? err_set(err, r, "its file is too long")
			    : 0;
}

static int add_hosts(struct buf *text, const json_t *hosts, const char *fallback)
{
	int r = buf_printf(text, "oauth-hosts");

	for (size_t i = 0; r == 0 && i < json_array_size(hosts); i++) {
		const char *host = json_string_value(json_array_get(hosts, i));

		r = is_word(host) ? buf_printf(text, " %s", host) : -EINVAL;
	}
	if (r == 0 && json_array_size(hosts) == 0)
		r = buf_printf(text, " %s", fallback);
	return r < 0 ? r : buf_printf(text, "\n");
}

/* "access_token", "accessToken". */
static bool is_same_field(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		a += *a == '_';
		b += *b == '_';
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		a += *a != '\0';
		b += *b != '\0';
	}
	return true;
}

/* Names of the answer's members are those of RFC 6749, §5.1, or these in camel case. */
static int check_fields(const json_t *fields, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)fields, key, value)
	{
		if (json_string_value(value) == NULL ||
		    !is_same_field(key, json_string_value(value)))
			return err_set(err, -EINVAL,
				       "its token endpoint answers in a form of its own "
				       "(responseFields.%s), which is not understood",
				       key);
	}
	return 0;
}

/*
 * The login of a service: tokens that its endpoint gives are kept, and the guest gets sentinels.
 * With `passthrough` nothing is done, which is what it asks for: the guest has the tokens.
 */
static int add_oauth(struct buf *text, const json_t *oauth, struct err *err)
{
	const json_t *endpoint = json_object_get(oauth, "token_endpoint");
	const json_t *sentinels = json_object_get(oauth, "sentinels");
	const char *host = text_of(endpoint, "host"), *path = text_of(endpoint, "path");
	const char *access = text_of(sentinels, "access_token");
	const char *refresh = text_of(sentinels, "refresh_token");
	int r;

	if (oauth == NULL || json_is_true(json_object_get(oauth, "passthrough")))
		return 0;
	if (!is_word(host) || !is_word(path))
		return err_set(err, -EINVAL,
			       "a login needs the host and path of its tokenEndpoint");
	if (is_word(access) && is_word(refresh) &&
	    (strlen(access) < CREDENTIAL_SCAN_MIN || strlen(refresh) < CREDENTIAL_SCAN_MIN))
		return err_set(err, -EINVAL,
			       "sentinels have at least %d characters, so that nothing else is "
			       "taken for them",
			       CREDENTIAL_SCAN_MIN);
	if (!is_word(access) || !is_word(refresh))
		return err_set(err, -EINVAL,
			       "a login needs both sentinels, or passthrough: true, with which the "
			       "sandbox has the real tokens");
	r = check_fields(json_object_get(oauth, "response_fields"), err);
	if (r < 0)
		return r;
	if (buf_printf(text, "oauth-token-url https://%s%s\noauth-sentinels %s %s\n", host, path,
		       access, refresh) < 0 ||
	    add_hosts(text, json_object_get(oauth, "resource_hosts"), host) < 0)
		return err_set(err, -EINVAL,
			       "its login has a host that is none, or more than fits");
	return json_object_get(oauth, "credential_file") != NULL
		       ? add_file(text, json_object_get(oauth, "credential_file"), err)
		       : 0;
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
		r = add_oauth(&text, json_object_get(credential, "oauth"), err);
	if (r == 0)
		r = service_parse((const char *)text.data, text.len, ret, err);
	if (r == 0 && set_formats(ret, injects) < 0) {
		service_finish(ret);
		r = err_set(err, -ENOMEM, "out of memory");
	}
	return r < 0 ? err_wrap(err, "the kit's credential '%s'", text_of(credential, "service"))
		     : 0;
}

/* Nothing of it is to be sent by the proxy: the sandbox logs in by itself, and knows its tokens. */
static bool is_passthrough(const json_t *credential)
{
	const json_t *injects = json_object_get(json_object_get(credential, "api_key"), "inject");
	const json_t *oauth = json_object_get(credential, "oauth");

	return json_array_size(injects) == 0 && json_is_true(json_object_get(oauth, "passthrough"));
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

	return name == NULL
		       ? 0
		       : string_list_addf(&kit->env, "%s=%s", name, text_of(credential, "service"));
}

/* What sbxd knows of a service counts more than what a kit says of it. */
static int add_credential(const struct secret_store *store, struct secret_kit *kit,
			  const json_t *credential, struct err *err)
{
	const char *name = text_of(credential, "service");
	int r = 0;

	if (!is_passthrough(credential) && services_find(&store->services, name) == NULL &&
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
