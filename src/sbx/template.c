#include "sbx/template.h"

#include <errno.h>
#include <stdio.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"

int template_get(struct client *client, const char *reference, json_t **ret, struct err *err)
{
	autofree char *path = policy_url("/template/inspect", "reference", reference);

	return path == NULL ? err_set(err, -ENOMEM, "out of memory")
			    : client_call(client, "GET", path, NULL, ret, err);
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
