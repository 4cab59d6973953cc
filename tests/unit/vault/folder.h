/* A folder of its own for each case. */
#ifndef TESTS_UNIT_VAULT_FOLDER_H
#define TESTS_UNIT_VAULT_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "vault/vault.h"

static inline char *folder_make(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/sbx-vault-XXXXXX", tmp != NULL ? tmp : "/tmp") < 0)
		return NULL;
	return mkdtemp(path);
}

static inline void folder_remove(char *path)
{
	(void)file_remove_tree(AT_FDCWD, path);
	free(path);
}

static inline char *folder_file(const char *folder, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static inline struct vault_entry folder_entry(const char *name, const char *scope,
					      const char *value)
{
	return (struct vault_entry){
		.kind = VAULT_SERVICE,
		.name = name,
		.scope = scope,
		.attributes = "{\"a\":1}",
		.value = value,
		.value_len = value != NULL ? strlen(value) : 0,
		.changed_at = 1700000000,
	};
}

#endif
