#include "sbx/commands.h"

#include <stddef.h>

static const struct command *const commands[] = {
	&cmd_secret_set,    &cmd_secret_set_custom,
	&cmd_secret_ls,	    &cmd_secret_rm,
	&cmd_secret_delete, &cmd_secret_unset,
	&cmd_secret_import, &cmd_secret_passphrase,
	&cmd_secret_unlock, NULL,
};

const struct command cmd_secret = {
	.name = "secret",
	.summary = "Keys that sandboxes use and never see",
	.description =
		"Secrets stay on this machine. A sandbox finds a stand-in for each; on the way out "
		"the\n"
		"real one takes its place, for the hosts it is meant for and no others.",
	.commands = commands,
};
