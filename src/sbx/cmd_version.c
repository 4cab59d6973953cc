#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/format.h"
#include "sbx/sandbox.h"

/* The daemon's health when it runs; owned by the caller, NULL else. */
static json_t *ask_daemon(const struct invocation *invocation)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct err ignored = ERR_INIT;
	json_t *health = NULL;

	if (client_init(&client, invocation, &ignored) < 0)
		return NULL;
	client.keep_absent = true;
	if (client_call(&client, "GET", "/daemon/health", NULL, &health, &ignored) < 0)
		return NULL;
	return health;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct format_options *format = invocation->values;
	json_t *health = ask_daemon(invocation);
	json_t *document;
	int r = 0;

	if (format_is_document(format)) {
		document = json_pack("{s:s, s:O*}", "version", SBX_VERSION, "server", health);
		r = format_print(format, document, err);
		json_decref(document);
	} else {
		(void)printf("sbx version: v%s\n", SBX_VERSION);
		if (health != NULL && strcmp(sandbox_text(health, "version"), SBX_VERSION) != 0) {
			(void)fputs("sbxd version: v", stdout);
			(void)terminal_print_safe(stdout, sandbox_text(health, "version"));
			(void)puts(" (another one; run: sbx daemon restart)");
		}
	}
	json_decref(health);
	return r;
}

const struct command cmd_version = {
	.name = "version",
	.summary = "Show the versions of sbx and its daemon",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct format_options),
	.run = run,
};
