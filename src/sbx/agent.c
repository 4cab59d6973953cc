#include "sbx/agent.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/resolve.h"
#include "sbx/client.h"
#include "sbx/kit_options.h"
#include "sbx/kit_source.h"
#include "sbx/sandbox.h"

/* What is run where a sandbox was made without a kit. */
static const char *const shell[] = { "bash", "-l" };

static bool is_kit_folder(const char *word)
{
	char path[PATH_MAX];

	if (strcmp(word, ".") == 0 || strcmp(word, "..") == 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s/spec.yaml", word);
	return access(path, F_OK) == 0;
}

/* A ZIP file, a repository, or an image whose registry is named. */
static bool is_reference(const char *word)
{
	size_t len = strlen(word), first = strcspn(word, "/");

	if (strncmp(word, "git+", 4) == 0 || strncmp(word, "oci://", 6) == 0)
		return true;
	if (len > 4 && strcmp(word + len - 4, ".zip") == 0)
		return true;
	return word[0] != '.' && first > 0 && first < len && memchr(word, '.', first) != NULL &&
	       access(word, F_OK) < 0;
}

bool agent_is_available(const char *word)
{
	if (kit_source_kind(word) == KIT_SOURCE_BUILTIN)
		return strcmp(word, AGENT_DEFAULT) == 0 || kit_source_is_builtin(word);
	return is_kit_folder(word) || is_reference(word);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

char *agent_names(const char *separator)
{
	autofree char *folder = kit_source_builtin_folder();
	autocall(buf_finish) struct buf names;
	struct dirent **entries = NULL;
	int count = folder == NULL ? 0 : scandir(folder, &entries, is_visible, alphasort);

	buf_init(&names, ERR_TEXT_MAX);
	for (int i = 0; i < count; i++) {
		if (kit_source_is_builtin(entries[i]->d_name))
			(void)buf_printf(&names, "%s%s", names.len > 0 ? separator : "",
					 entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (names.len == 0)
		(void)buf_printf(&names, "%s", AGENT_DEFAULT);
	return buf_str(&names) != NULL ? strdup(buf_str(&names)) : NULL;
}

int agent_refuse(const char *word, struct err *err)
{
	autofree char *names = agent_names(", ");

	return err_set(err, -EINVAL, "there is no agent '%s'; there are: %s", word,
		       names != NULL ? names : AGENT_DEFAULT);
}

int agent_name(const char *word, const struct kit_options *options, char **ret, struct err *err)
{
	autocall(resolved_kit_finish) struct resolved_kit resolved = { .kit = NULL };
	const char *name = word;
	int r = 0;

	if (kit_source_kind(word) != KIT_SOURCE_BUILTIN) {
		r = kit_resolve_options(options, word, &resolved, err);
		name = json_string_value(json_object_get(resolved.kit, "name"));
	}
	if (r < 0)
		return r;
	*ret = strdup(name != NULL ? name : "");
	return *ret == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

int agent_prepare(const char *word, const struct kit_options *options, struct kit_prepared *ret,
		  struct err *err)
{
	if (strcmp(word, AGENT_DEFAULT) == 0 && options->kits.count == 0 &&
	    !kit_source_is_builtin(word))
		return 0;
	return kit_prepare(options, word, ret, err);
}

static size_t add_list(const char **command, size_t count, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		command[count++] = json_string_value(json_array_get(list, i));
	return count;
}

const char **agent_command(const json_t *sandbox, const char *const *given, bool is_terminal)
{
	const json_t *kit = json_object_get(sandbox, "kit");
	const json_t *entrypoint = json_object_get(kit, "entrypoint");
	const json_t *flags = json_object_get(kit, "command");
	const json_t *interactive = json_object_get(kit, "interactive");
	bool replace = *given != NULL && **given != '-';
	size_t count = 0, most = 3;
	const char **command;

	if (is_terminal && json_array_size(interactive) > 0)
		flags = interactive;
	most += json_array_size(entrypoint) + json_array_size(flags);
	for (const char *const *word = given; *word != NULL; word++)
		most++;
	command = calloc(most, sizeof(*command));
	if (command == NULL)
		return NULL;
	count = add_list(command, count, entrypoint);
	if (!replace)
		count = add_list(command, count, flags);
	if (count == 0 && !replace)
		for (size_t i = 0; i < sizeof(shell) / sizeof(shell[0]); i++)
			command[count++] = shell[i];
	while (*given != NULL)
		command[count++] = *given++;
	return command;
}

static bool has_name(const json_t *secrets, const char *name)
{
	for (size_t i = 0; i < json_array_size(secrets); i++)
		if (strcmp(json_string_value(json_array_get(secrets, i)), name) == 0)
			return true;
	return false;
}

/*
 * "service" of each that is missing, as words to choose from. What is required must be there;
 * of the others one is enough.
 */
static void gather_missing(const json_t *credentials, const json_t *secrets, struct buf *ret)
{
	bool has_any = false;
	json_t *credential;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)credentials, i, credential)
	{
		has_any |= has_name(secrets, sandbox_text(credential, "service"));
	}
	json_array_foreach((json_t *)(uintptr_t)credentials, i, credential)
	{
		const char *service = sandbox_text(credential, "service");
		bool is_required = json_is_true(json_object_get(credential, "required"));

		if (!has_name(secrets, service) && (is_required || !has_any))
			(void)buf_printf(ret, "%s%s", ret->len > 0 ? ", " : "", service);
	}
}

void agent_mention_credentials(struct client *client, const json_t *sandbox)
{
	const json_t *credentials = json_object_get(json_object_get(sandbox, "kit"), "credentials");
	autofree char *path = client_path(sandbox_text(sandbox, "name"), "/inspect");
	autocall(buf_finish) struct buf missing = { 0 };
	struct err ignored = ERR_INIT;
	json_t *inspected = NULL;

	if (json_array_size(credentials) == 0 || path == NULL ||
	    client_call(client, "GET", path, NULL, &inspected, &ignored) < 0)
		return;
	buf_init(&missing, ERR_TEXT_MAX);
	gather_missing(credentials, json_object_get(inspected, "secrets"), &missing);
	json_decref(inspected);
	if (missing.len == 0 || buf_str(&missing) == NULL)
		return;
	(void)fprintf(stderr, "NOTE: %s has no credential; give it one with: sbx secret set %.*s\n",
		      sandbox_text(sandbox, "agent"), (int)strcspn(buf_str(&missing), ","),
		      buf_str(&missing));
	if (strchr(buf_str(&missing), ',') != NULL)
		(void)fprintf(stderr, "      It knows these services: %s\n", buf_str(&missing));
}
