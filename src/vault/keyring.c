#include "vault/keyring.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As libsecret documents SecretSchema: only the first attribute is ours. */
struct schema {
	const char *name;
	int flags;
	struct {
		const char *name;
		int type;
	} attributes[32];
	int reserved;
	void *reserved_pointers[7];
};

static const struct schema schema = {
	.name = "org.sbx.Vault",
	.attributes = { { "folder", 0 }, { NULL, 0 } },
};

typedef char *lookup_fn(const struct schema *, void *cancellable, void **error, ...);
typedef int store_fn(const struct schema *, const char *collection, const char *label,
		     const char *password, void *cancellable, void **error, ...);
typedef void free_fn(char *password);
typedef void error_free_fn(void *error);

struct library {
	lookup_fn *lookup;
	store_fn *store;
	free_fn *wipe;
	error_free_fn *error_free;
};

/* ISO C has no conversion from an object pointer to a function; POSIX dlsym() asks for it. */
static int find(void *handle, const char *name, void *ret_function)
{
	void *symbol = dlsym(handle, name);

	memcpy(ret_function, &symbol, sizeof(symbol));
	return symbol != NULL ? 0 : -EOPNOTSUPP;
}

/* Stays loaded: GLib cannot be unloaded. */
static int load(struct library *ret)
{
	void *handle;

	if (getenv("DBUS_SESSION_BUS_ADDRESS") == NULL)
		return -EOPNOTSUPP;
	handle = dlopen("libsecret-1.so.0", RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL || find(handle, "secret_password_lookup_sync", &ret->lookup) < 0 ||
	    find(handle, "secret_password_store_sync", &ret->store) < 0 ||
	    find(handle, "secret_password_free", &ret->wipe) < 0 ||
	    find(handle, "g_error_free", &ret->error_free) < 0)
		return -EOPNOTSUPP;
	return 0;
}

int keyring_load(const char *folder, char ret[KEYRING_TEXT_MAX])
{
	struct library library;
	void *error = NULL;
	char *text;
	int r = load(&library);

	if (r < 0)
		return r;
	text = library.lookup(&schema, NULL, &error, "folder", folder, (char *)NULL);
	if (error != NULL) {
		library.error_free(error);
		return -EIO;
	}
	if (text == NULL)
		return -ENOENT;
	r = strlen(text) < KEYRING_TEXT_MAX ? 0 : -EIO;
	if (r == 0)
		memcpy(ret, text, strlen(text) + 1);
	library.wipe(text);
	return r;
}

int keyring_store(const char *folder, const char *text)
{
	struct library library;
	void *error = NULL;
	int r = load(&library);

	if (r < 0)
		return r;
	if (library.store(&schema, NULL, "Key of the sbx vault", text, NULL, &error, "folder",
			  folder, (char *)NULL))
		return 0;
	if (error != NULL)
		library.error_free(error);
	return -EIO;
}
