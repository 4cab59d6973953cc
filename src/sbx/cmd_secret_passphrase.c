#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/hidden.h"

struct passphrase_options {
	bool none;
};

static const struct option rows[] = {
	{ .name = "none",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct passphrase_options, none),
	  .help = "take it off: the vault opens by itself again" },
	{ .name = NULL },
};

/* Twice at a terminal: nobody sees what he types. */
static int read_new(char **ret, struct err *err)
{
	char *first = NULL, *second = NULL;
	int r = hidden_read("New passphrase of the vault", &first, err);

	if (r == 0 && isatty(STDIN_FILENO) == 1) {
		r = hidden_read("The same again", &second, err);
		if (r == 0 && strcmp(first, second) != 0)
			r = err_set(err, -ECANCELED, "they differ; nothing was changed");
	}
	hidden_free(second);
	if (r < 0)
		hidden_free(first);
	else
		*ret = first;
	return r;
}

static int send_it(const struct invocation *invocation, const char *path, const char *passphrase,
		   struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *body = json_pack("{ss*}", "passphrase", passphrase);
	int r = body != NULL ? client_init(&client, invocation, err)
			     : err_set(err, -ERANGE, "a passphrase is text in UTF-8");

	if (r == 0)
		r = client_call(&client, "POST", path, body, NULL, err);
	json_decref(body);
	return r;
}

static int run_passphrase(const struct invocation *invocation, struct err *err)
{
	const struct passphrase_options *options = invocation->values;
	char *passphrase = NULL;
	int r;

	hidden_protect();
	r = options->none ? 0 : read_new(&passphrase, err);
	if (r == 0)
		r = send_it(invocation, "/secret/passphrase", passphrase, err);
	hidden_free(passphrase);
	if (r == 0)
		(void)puts(options->none ? "The vault opens by itself now"
					 : "The vault has a passphrase now; after a restart of the "
					   "daemon 'sbx secret unlock' asks for it");
	return r;
}

static int run_unlock(const struct invocation *invocation, struct err *err)
{
	char *passphrase = NULL;
	int r;

	hidden_protect();
	r = hidden_read("Passphrase of the vault", &passphrase, err);
	if (r == 0)
		r = send_it(invocation, "/secret/unlock", passphrase, err);
	hidden_free(passphrase);
	if (r == 0)
		(void)puts("The vault is open until the daemon ends");
	return r;
}

const struct command cmd_secret_passphrase = {
	.name = "passphrase",
	.summary = "Put the vault under a passphrase",
	.description =
		"Asked for twice, or read from standard input. Where nobody can be asked, the "
		"daemon takes it\n"
		"from the file that SBX_VAULT_PASSPHRASE_FILE names.",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct passphrase_options),
	.run = run_passphrase,
};

const struct command cmd_secret_unlock = {
	.name = "unlock",
	.summary = "Open the vault, when it has a passphrase",
	.description = "Asks for the passphrase, or reads it from standard input.",
	.run = run_unlock,
};
