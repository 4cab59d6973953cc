#include "sbx/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "oci/reference.h"
#include "sbx/client.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"

int template_get(struct client *client, const char *reference, json_t **ret, struct err *err)
{
	autofree char *path = policy_url("/template/inspect", "reference", reference);

	return path == NULL ? err_set(err, -ENOMEM, "out of memory")
			    : client_call(client, "GET", path, NULL, ret, err);
}

int template_check_name(struct client *client, const char *name, struct err *err)
{
	struct oci_reference ignored;
	struct err missing = ERR_INIT;
	json_t *template;
	int r = oci_reference_parse(name, &ignored, err);

	if (r < 0 || template_get(client, name, &template, &missing) < 0)
		return r;
	if (json_is_true(json_object_get(template, "builtin")) &&
	    strcmp(sandbox_text(template, "reference"), name) == 0)
		r = err_set(err, -EINVAL,
			    "'%s' is the name of a template that came with sbx; choose another",
			    name);
	json_decref(template);
	return r;
}

int template_load(struct client *client, const char *path, const char *reference, json_t **ret,
		  struct err *err)
{
	json_t *body = json_pack("{ss ss*}", "path", path, "reference", reference);
	uint64_t before = client->timeout_ms;
	int r;

	if (body == NULL)
		return err_set(err, -EINVAL, "the path '%s' is not UTF-8", path);
	client->timeout_ms = TEMPLATE_MS;
	r = client_call(client, "POST", "/template/load", body, ret, err);
	client->timeout_ms = before;
	json_decref(body);
	return r;
}

void template_print_use(const json_t *template)
{
	const char *agent = sandbox_text(template, "agent");

	(void)fputs("To use the image as a template:\n  sbx run --pull never -t ", stdout);
	(void)terminal_print_safe(stdout, sandbox_text(template, "reference"));
	(void)putchar(' ');
	(void)terminal_print_safe(stdout, agent[0] != '\0' ? agent : "shell");
	(void)puts(" [WORKSPACE]");
}

static void warn(const json_t *template, const char *reference, const char *agent)
{
	const char *made_for = sandbox_text(template, "agent");
	const char *why = json_string_value(json_object_get(template, "warning"));

	if (why != NULL) {
		(void)fputs("WARNING: the copy from before is used: ", stderr);
		(void)terminal_print_safe(stderr, why);
		(void)fputc('\n', stderr);
	}
	if (made_for[0] == '\0' || strcmp(made_for, agent) == 0 || strcmp(agent, "shell") == 0)
		return;
	(void)fputs("⚠ WARNING: template \"", stderr);
	(void)terminal_print_safe(stderr, reference);
	(void)fputs("\" was built for the \"", stderr);
	(void)terminal_print_safe(stderr, made_for);
	(void)fprintf(stderr, "\" agent but you are using \"%s\".\n", agent);
}

int template_ensure(struct client *client, const char *reference, const char *when,
		    const char *agent, struct err *err)
{
	json_t *body = json_pack("{ss ss*}", "reference", reference, "when", when), *template;
	uint64_t before = client->timeout_ms;
	int r;

	if (body == NULL)
		return err_set(err, -EINVAL, "'%s' is no template", reference);
	if (client->progress != NULL)
		progress_step(client->progress, when != NULL && strcmp(when, "never") == 0
							? "Checking image"
							: "Pulling image");
	client->timeout_ms = TEMPLATE_MS;
	r = client_call(client, "POST", "/template/pull", body, &template, err);
	client->timeout_ms = before;
	json_decref(body);
	if (client->progress != NULL)
		progress_finish(client->progress);
	if (r < 0)
		return r;
	warn(template, reference, agent);
	json_decref(template);
	return 0;
}
