#include "sbxd/template_login.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/paths.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"

enum { FILE_MAX = 1 << 20 };

/* "auth" is user and password in base64. */
static json_t *pack_login(const char *domain, const char *username, const char *password)
{
	autofree char *text = NULL, *coded = NULL;
	int len = asprintf(&text, "%s:%s", username, password);
	size_t size;
	json_t *json = NULL;

	if (len < 0)
		return NULL;
	size = sodium_base64_encoded_len((size_t)len, sodium_base64_VARIANT_ORIGINAL);
	coded = malloc(size);
	if (coded != NULL) {
		(void)sodium_bin2base64(coded, size, (const uint8_t *)text, (size_t)len,
					sodium_base64_VARIANT_ORIGINAL);
		json = json_pack("{s{s{ss}}}", "auths", domain, "auth", coded);
		sodium_memzero(coded, size);
	}
	sodium_memzero(text, (size_t)len);
	return json;
}

/* The entry of this registry and no other. */
static json_t *find_in(const char *path, const char *domain)
{
	/* Docker's own name for its registry */
	const char *names[] = { domain, strcmp(domain, "docker.io") == 0
						? "https://index.docker.io/v1/"
						: domain };
	autocall(buf_finish) struct buf text = { 0 };
	json_t *json, *found = NULL;

	buf_init(&text, FILE_MAX);
	if (file_read(AT_FDCWD, path, &text) < 0)
		return NULL;
	json = json_loadb((const char *)text.data, text.len, 0, NULL);
	for (size_t i = 0; found == NULL && i < countof(names); i++) {
		json_t *entry = json_object_get(json_object_get(json, "auths"), names[i]);

		if (json_string_value(json_object_get(entry, "auth")) != NULL)
			found = json_pack("{s{sO}}", "auths", domain, entry);
	}
	json_decref(json);
	return found;
}

static json_t *find_of_user(const struct paths *paths, const char *domain)
{
	const struct {
		const char *folder, *below;
	} places[] = {
		{ getenv("XDG_RUNTIME_DIR"), "containers/auth.json" },
		{ getenv("XDG_CONFIG_HOME"), "containers/auth.json" },
		{ paths->home, ".config/containers/auth.json" },
		{ paths->home, ".docker/config.json" },
	};

	for (size_t i = 0; i < countof(places); i++) {
		autofree char *path = NULL;
		json_t *found;

		if (places[i].folder == NULL || places[i].folder[0] != '/')
			continue;
		path = path_join(places[i].folder, places[i].below);
		found = path == NULL ? NULL : find_in(path, domain);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static json_t *find_login(struct supervisor *supervisor, const char *domain)
{
	autofree char *username = NULL;
	char *password = NULL;
	json_t *json = NULL;

	if (secret_store_registry(supervisor->secrets, domain, &username, &password) == 0) {
		json = pack_login(domain, username, password);
		sodium_memzero(password, strlen(password));
		free(password);
	}
	return json != NULL ? json : find_of_user(&supervisor->paths, domain);
}

int template_login_write(struct supervisor *supervisor, const char *domain, const char *folder,
			 char **ret_path, struct err *err)
{
	json_t *login = find_login(supervisor, domain);
	autofree char *path = NULL;
	char *text;
	int r;

	if (login == NULL) {
		*ret_path = NULL;
		return 0;
	}
	text = json_dumps(login, JSON_COMPACT);
	json_decref(login);
	if (text == NULL || asprintf(&path, "%s.login", folder) < 0) {
		free(text);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = file_write(AT_FDCWD, path, text, strlen(text), 0600);
	sodium_memzero(text, strlen(text));
	free(text);
	if (r < 0)
		return err_set_errno(err, r, "cannot write the login to '%s'", domain);
	*ret_path = take_ptr(path);
	return 0;
}
