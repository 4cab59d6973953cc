/* What the vault asks of libsecret, with a file in place of a Secret Service. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *secret_password_lookup_sync(const void *schema, void *cancellable, void **error, ...);
int secret_password_store_sync(const void *schema, const char *collection, const char *label,
			       const char *password, void *cancellable, void **error, ...);
void secret_password_free(char *password);
void g_error_free(void *error);

/* The attributes: one pair and a NULL. */
static int is_ours(const char *name, const char *value, const char *end)
{
	return strcmp(name, "folder") == 0 && value[0] == '/' && end == NULL;
}

char *secret_password_lookup_sync(const void *schema, void *cancellable, void **error, ...)
{
	char line[256], *text = NULL;
	const char *name, *value, *end;
	va_list list;
	FILE *file;

	(void)cancellable;
	va_start(list, error);
	name = va_arg(list, const char *);
	value = va_arg(list, const char *);
	end = va_arg(list, const char *);
	va_end(list);
	if (schema == NULL || !is_ours(name, value, end) || getenv("FAKE_KEYRING_LOCKED") != NULL) {
		*error = malloc(1);
		return NULL;
	}
	file = fopen(getenv("FAKE_KEYRING"), "r");
	if (file != NULL && fgets(line, sizeof(line), file) != NULL)
		text = strdup(line);
	if (file != NULL)
		(void)fclose(file);
	return text;
}

int secret_password_store_sync(const void *schema, const char *collection, const char *label,
			       const char *password, void *cancellable, void **error, ...)
{
	FILE *file =
		getenv("FAKE_KEYRING_LOCKED") != NULL ? NULL : fopen(getenv("FAKE_KEYRING"), "w");

	(void)schema;
	(void)collection;
	(void)label;
	(void)cancellable;
	if (file == NULL) {
		*error = malloc(1);
		return 0;
	}
	(void)fputs(password, file);
	return fclose(file) == 0;
}

void secret_password_free(char *password)
{
	memset(password, 0, strlen(password));
	free(password);
}

void g_error_free(void *error)
{
	free(error);
}
