#include "sbx/policy.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbx/client.h"
#include "sbx/sandbox.h"

enum { POLICY_FILE_MAX = 512 << 10, URL_MAX = 1024 };

static const struct {
	const char *name, *title, *words;
} presets[] = {
	{ "open", "Open", "every public host" },
	{ "balanced", "Balanced", "AI services, package managers, code hosts and the like" },
	{ "locked-down", "Locked Down", "nothing but the rules that you add" },
};

const char *const *policy_args(const struct invocation *invocation, size_t *ret_count)
{
	bool named = invocation->count > 0 && strcmp(invocation->args[0], "network") == 0;

	*ret_count = invocation->count - named;
	return invocation->args + named;
}

/* RFC 3986: all but the unreserved characters are escaped. */
static int append_escaped(struct buf *url, const char *text)
{
	int r = 0;

	for (; r == 0 && *text != '\0'; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL)
			r = buf_append(url, text, 1);
		else
			r = buf_printf(url, "%%%02X", (unsigned char)*text);
	}
	return r;
}

char *policy_url(const char *path, const char *key, const char *value)
{
	autocall(buf_finish) struct buf url;
	int r;

	buf_init(&url, URL_MAX);
	r = buf_printf(&url, "%s", path);
	if (r == 0 && value != NULL)
		r = buf_printf(&url, "%c%s=", strchr(path, '?') == NULL ? '?' : '&', key);
	if (r == 0 && value != NULL)
		r = append_escaped(&url, value);
	return r < 0 || buf_str(&url) == NULL ? NULL : strdup(buf_str(&url));
}

int policy_get(struct client *client, const char *sandbox, json_t **ret, struct err *err)
{
	autofree char *url = policy_url("/policy", "sandbox", sandbox);

	if (url == NULL)
		return err_set(err, -EINVAL, "the name of the sandbox is too long");
	return client_call(client, "GET", url, NULL, ret, err);
}

int policy_ask_preset(const char **ret, struct err *err)
{
	char answer[32];

	if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return err_set(err, -ENOTTY,
			       "there is no terminal to ask at; use: sbx policy init balanced");
	(void)fputs("Which network policy should sandboxes have?\n", stderr);
	for (size_t i = 0; i < countof(presets); i++)
		(void)fprintf(stderr, "  %zu  %-12s %s\n", i + 1, presets[i].title,
			      presets[i].words);
	(void)fputs("1, 2 or 3 [2]: ", stderr);
	(void)fflush(stderr);
	*ret = NULL;
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return 0;
	if (answer[0] == '\n')
		*ret = presets[1].name;
	else if (answer[0] >= '1' && answer[0] <= '3' && answer[1] == '\n')
		*ret = presets[answer[0] - '1'].name;
	return 0;
}

int policy_choose(struct client *client, const char *preset, struct err *err)
{
	json_t *body = json_pack("{ss}", "preset", preset);
	int r;

	if (body == NULL)
		return err_set(err, -EINVAL, "the name of a preset is UTF-8");
	r = client_call(client, "POST", "/policy/init", body, NULL, err);
	json_decref(body);
	return r;
}

static int is_initialized(struct client *client, bool *ret, struct err *err)
{
	json_t *policy;
	int r = policy_get(client, NULL, &policy, err);

	if (r < 0)
		return r;
	*ret = json_is_true(json_object_get(policy, "initialized"));
	json_decref(policy);
	return 0;
}

int policy_choose_first(struct client *client, const char *preset, struct err *err)
{
	bool is_chosen = false;
	int r = is_initialized(client, &is_chosen, err);

	return r < 0 || is_chosen ? r : policy_choose(client, preset, err);
}

int policy_ensure(struct client *client, bool quiet, bool *ret_chosen, struct err *err)
{
	const char *preset = NULL;
	int r = is_initialized(client, ret_chosen, err);

	if (r < 0 || *ret_chosen || quiet || isatty(STDIN_FILENO) != 1 ||
	    isatty(STDERR_FILENO) != 1)
		return r;
	r = policy_ask_preset(&preset, err);
	if (r < 0 || preset == NULL)
		return r;
	r = policy_choose(client, preset, err);
	*ret_chosen = r == 0;
	return r;
}

void policy_print_notice(void)
{
	(void)fputs(
		"No network policy was chosen: only your own rules allow anything; choose one "
		"with: sbx policy init balanced\n",
		stderr);
}

static bool is_preset(const char *word)
{
	static const char *const older[] = { "allow-all", "deny-all" };

	for (size_t i = 0; i < countof(presets); i++)
		if (strcmp(word, presets[i].name) == 0)
			return true;
	for (size_t i = 0; i < countof(older); i++)
		if (strcmp(word, older[i]) == 0)
			return true;
	return false;
}

/* The text of a policy file; the daemon judges it. */
static int read_policy_file(const char *path, json_t **ret, struct err *err)
{
	autocall(buf_finish) struct buf text;
	const char *string;
	int r;

	buf_init(&text, POLICY_FILE_MAX);
	r = file_read(AT_FDCWD, path, &text);
	if (r == -ENOENT)
		return err_set(err, -EINVAL,
			       "'%s' is neither a preset (open, balanced, locked-down) nor a file",
			       path);
	if (r < 0)
		return err_set_errno(err, r, "cannot read the policy file '%s'", path);
	string = buf_str(&text);
	*ret = string == NULL || strlen(string) != text.len ? NULL : json_string(string);
	return *ret == NULL ? err_set(err, -EINVAL, "the policy file '%s' is no text", path) : 0;
}

static int add_policy(json_t *body, const char *policy, struct err *err)
{
	json_t *text = NULL;
	int r = 0;

	if (is_preset(policy))
		text = json_string(policy);
	else
		r = read_policy_file(policy, &text, err);
	if (r < 0)
		return r;
	r = json_object_set_new(body, "policy",
				json_pack("{so}", is_preset(policy) ? "preset" : "file", text));
	return r < 0 ? err_set(err, -ENOMEM, "out of memory") : 0;
}

int policy_split(const char *text, json_t *list, struct err *err)
{
	for (;; text++) {
		size_t len, used;

		text += strspn(text, " ");
		len = used = strcspn(text, ",");
		while (used > 0 && text[used - 1] == ' ')
			used--;
		if (used == 0)
			return err_set(err, -EINVAL,
				       "a resource is empty; write a host: example.com:443");
		if (json_array_append_new(list, json_stringn(text, used)) < 0)
			return err_set(err, -EINVAL, "a resource is not UTF-8");
		text += len;
		if (*text == '\0')
			return 0;
	}
}

int policy_add_to_body(json_t *body, const char *policy, const struct option_list *deny,
		       struct err *err)
{
	json_t *hosts;
	int r = policy == NULL ? 0 : add_policy(body, policy, err);

	if (r < 0 || deny->count == 0)
		return r;
	hosts = json_array();
	for (size_t i = 0; r == 0 && i < deny->count; i++)
		r = policy_split(deny->items[i], hosts, err);
	if (json_object_set_new(body, "deny_network", hosts) < 0 && r == 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}
