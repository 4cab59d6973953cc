#include "sbx/commands.h"

#include "sbx/cmd_kit.h"

static const struct command *const commands[] = {
	&cmd_kit_validate, &cmd_kit_inspect, &cmd_kit_add,    &cmd_kit_pack,	   &cmd_kit_push,
	&cmd_kit_pull,	   &cmd_kit_sign,    &cmd_kit_verify, &cmd_kit_provenance, NULL
};

const struct command cmd_kit = {
	.name = "kit",
	.section = "Kits",
	.summary = "Look at kits, which describe agents and additions to them, and move them",
	.description =
		"A kit is a folder with a spec.yaml and files that it brings. A sandbox kit "
		"describes\n"
		"an agent; a mixin adds something to one: sbx run claude --kit ./mymixin.",
	.examples =
		"sbx kit validate ./mykit\tis it well formed?\n"
		"sbx kit inspect ./mykit\twhat does it ask for?\n"
		"sbx kit push ./mykit docker.io/me/mykit:1.0\tgive it to others",
	.commands = commands,
};
