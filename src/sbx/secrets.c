#include "sbx/secrets.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"
#include "sbx/client.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

int secrets_list(struct client *client, json_t **ret, struct err *err)
{
	json_t *list = NULL;
	int r = client_call(client, "GET", "/secret", NULL, &list, err);

	if (r < 0)
		return r;
	if (json_is_true(json_object_get(list, "locked"))) {
		(void)err_set(err, -ENOKEY, "%s", sandbox_text(list, "reason"));
		json_decref(list);
		return -ENOKEY;
	}
	*ret = list;
	return 0;
}

static bool is_in_scope(const json_t *entry, const char *scope)
{
	const char *own = json_string_value(json_object_get(entry, "scope"));

	return own == NULL || scope == NULL ? own == scope : strcmp(own, scope) == 0;
}

static const json_t *find_in(const json_t *entries, const char *type, const char *name,
			     const char *scope)
{
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);

		if (strcmp(sandbox_text(entry, "type"), type) == 0 &&
		    strcmp(sandbox_text(entry, "name"), name) == 0 && is_in_scope(entry, scope))
			return entry;
	}
	return NULL;
}

const json_t *secrets_find(const json_t *list, const char *type, const char *name,
			   const char *scope)
{
	const json_t *found = find_in(json_object_get(list, "secrets"), type, name, scope);

	return found != NULL ? found
			     : find_in(json_object_get(list, "custom_secrets"), type, name, scope);
}

void secrets_print_applied(const json_t *answer)
{
	json_int_t applied = json_integer_value(json_object_get(answer, "applied"));

	if (applied > 0)
		(void)printf("Applied secret updates for %lld running sandbox(es)\n",
			     (long long)applied);
}

/* Lets go of what is there, if the user wants that. */
static int confirm(const json_t *list, json_t *body, bool force, struct err *err)
{
	const char *scope = json_string_value(json_object_get(body, "sandbox"));
	const char *name = sandbox_text(body, "name");
	char question[512];
	int r;

	if (secrets_find(list, sandbox_text(body, "type"), name, scope) == NULL)
		return 0;
	(void)snprintf(question, sizeof(question),
		       "A secret for \"%.120s\" exists already in scope \"%.120s\". Replace it?",
		       name, scope != NULL ? scope : "global");
	r = report_confirm(force, question, err);
	if (r == 0 && json_object_set_new(body, "force", json_true()) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	return r;
}

int secrets_enter(struct client *client, json_t *body, bool force, json_t **ret, struct err *err)
{
	json_t *list = NULL, *answer = NULL;
	int r = secrets_list(client, &list, err);

	if (r == 0)
		r = confirm(list, body, force, err);
	client->timeout_ms = CLIENT_SLOW_MS; /* a command that gives the value may take its time */
	if (r == 0)
		r = client_call(client, "POST", "/secret", body, &answer, err);
	if (r == 0 && strcmp(sandbox_text(list, "protection"), "none") == 0 &&
	    strcmp(sandbox_text(answer, "protection"), "file") == 0)
		(void)fputs(
			"No keychain detected - this secret will be stored on disk, protected "
			"by file permissions rather than a password; 'sbx secret passphrase' "
			"sets one\n",
			stderr);
	json_decref(list);
	if (r == 0 && ret != NULL)
		*ret = answer;
	else
		json_decref(answer);
	return r;
}

int secrets_add_refresh(json_t *body, const char *text, struct err *err)
{
	uint64_t seconds = 0;

	if (text == NULL)
		return 0;
	if (strcmp(text, "on-demand") != 0 && parse_duration(text, &seconds) < 0)
		return err_set(err, -ERANGE, "--refresh is a span like 55m, or on-demand, not '%s'",
			       text);
	return json_object_set_new(body, "refresh", json_integer((json_int_t)seconds)) < 0
		       ? err_set(err, -ENOMEM, "out of memory")
		       : 0;
}

void secrets_warn_older(const char *what, const char *instead)
{
	(void)fprintf(stderr, "WARNING: %s is how it was said once; say %s\n", what, instead);
}
