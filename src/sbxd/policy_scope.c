#include "sbxd/policy_scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "policy/preset.h"
#include "sbxd/policy_rules.h"

enum { SCOPE_VERSION = 1 };

int scope_init(struct policy_scope *scope, const char *name)
{
	*scope = (struct policy_scope){ .damage = ERR_INIT };
	(void)snprintf(scope->name, sizeof(scope->name), "%s", name);
	scope->json = json_pack("{si s[]}", "version", SCOPE_VERSION, "rules");
	return scope->json == NULL ? -ENOMEM : 0;
}

void scope_finish(struct policy_scope *scope)
{
	json_decref(scope->json);
	scope->json = NULL;
}

static int check_text(const char *what, const char *text, struct err *err)
{
	struct preset preset;

	if (text == NULL)
		return 0;
	if (preset_parse(text, strlen(text), POLICY_FROM_USER, &preset, err) < 0)
		return err_wrap(err, "%s", what);
	preset_finish(&preset);
	return 0;
}

static int check_rules(const json_t *rules, struct err *err)
{
	struct rule_list list = { .items = NULL };
	const json_t *rule;
	size_t i;
	int r = json_is_array(rules) ? 0 : err_set(err, -EINVAL, "rules is no list");

	json_array_foreach((json_t *)rules, i, rule)
	{
		if (r == 0)
			r = stored_rule_expand(rule, true, &list, err);
	}
	rule_list_finish(&list);
	return r;
}

int scope_parse(const char *text, size_t len, json_t **ret, struct err *err)
{
	const char *preset = NULL, *file = NULL, *kit = NULL;
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error), *rules = NULL;
	int version = 0, r = 0;

	if (json == NULL)
		return err_set(err, -EINVAL, "line %d: %s", error.line, error.text);
	if (json_unpack_ex(json, &error, JSON_STRICT, "{si s?s s?s s?s so}", "version", &version,
			   "preset", &preset, "file", &file, "kit", &kit, "rules", &rules) < 0)
		r = err_set(err, -EINVAL, "%s", error.text);
	else if (version != SCOPE_VERSION)
		r = err_set(err, -EINVAL, "version %d, this daemon knows %d", version,
			    SCOPE_VERSION);
	if (r == 0)
		r = check_text("the policy file", file, err);
	if (r == 0)
		r = check_text("the rules of the kit", kit, err);
	if (r == 0)
		r = check_rules(rules, err);
	if (r < 0)
		json_decref(json);
	else
		*ret = json;
	return r;
}

int scope_load(struct policy_scope *scope, const char *path)
{
	autocall(buf_finish) struct buf text;
	json_t *json = NULL;
	int r;

	buf_init(&text, SCOPE_BYTES_MAX);
	r = file_read(AT_FDCWD, path, &text);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		(void)err_set_errno(&scope->damage, r, "cannot read '%s'", path);
	else if (scope_parse((const char *)text.data, text.len, &json, &scope->damage) < 0)
		(void)err_wrap(&scope->damage, "the policy '%s' is damaged", path);
	if (scope->damage.code == 0) {
		json_decref(scope->json);
		scope->json = json;
	}
	return r == -ENOMEM ? r : 0;
}

int scope_replace(struct policy_scope *scope, const char *path, json_t *json, struct err *err)
{
	autofree char *text =
		json == NULL ? NULL : json_dumps(json, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	int r;

	if (text == NULL) {
		json_decref(json);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = strlen(text) > SCOPE_BYTES_MAX ? -EFBIG
					   : file_write(AT_FDCWD, path, text, strlen(text), 0600);
	if (r < 0) {
		json_decref(json);
		return err_set_errno(err, r, "cannot write the policy '%s'", path);
	}
	json_decref(scope->json);
	scope->json = json;
	scope->damage = (struct err)ERR_INIT;
	return 0;
}
