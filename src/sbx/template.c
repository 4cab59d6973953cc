#include "sbx/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/sandbox.h"

enum { PATH_MAX_BYTES = 4096 };

/* RFC 3986 2.3: what may stand in a query as it is. */
static int add_escaped(struct buf *path, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789-._~/:";
	int r = 0;

	for (; *text != '\0' && r == 0; text++)
		r = strchr(plain, *text) != NULL ? buf_append(path, text, 1)
						 : buf_printf(path, "%%%02X", (unsigned char)*text);
	return r;
}

int template_get(struct client *client, const char *reference, json_t **ret, struct err *err)
{
	autocall(buf_finish) struct buf path;
	const char *text;
	int r;

	buf_init(&path, PATH_MAX_BYTES);
	r = buf_printf(&path, "/template/inspect?reference=");
	if (r == 0)
		r = add_escaped(&path, reference);
	text = r == 0 ? buf_str(&path) : NULL;
	if (text == NULL)
		return err_set(err, -EINVAL, "'%.80s…' is no template", reference);
	return client_call(client, "GET", text, NULL, ret, err);
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
