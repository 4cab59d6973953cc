/* Commands of other versions that this one does not have: a sentence says what to do instead. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "sbx/commands.h"

static const struct {
	const char *name, *sentence;
} rows[] = {
	{ "attach",
	  "'attach' is for sandboxes in a cloud, which this sbx does not have; come back "
	  "to a sandbox by: sbx run --name NAME" },
	{ "mcp",
	  "sbx has no gateway for MCP; name the server in the agent's own settings and "
	  "allow its host by: sbx policy allow HOST" },
	{ "move",
	  "'move' is for sandboxes in a cloud, which this sbx does not have; take one "
	  "elsewhere by: sbx template save NAME TAG, then sbx template export TAG FILE" },
	{ "setup",
	  "there is nothing to set up, and sandboxes run no SSH server; use sbx exec -it "
	  "NAME bash and sbx cp, and for what this machine lacks: sbx diagnose" },
	{ "skills",
	  "sbx has no store of skills; put them into a kit's files/home folder, or share "
	  "their folder by: sbx run --mount FOLDER:/home/agent/.claude/skills:ro" },
	{ "ssh", "sandboxes run no SSH server; use sbx exec -it NAME bash, and for files sbx cp" },
	{ "ttl",
	  "'ttl' is for sandboxes in a cloud, which this sbx does not have; give a command "
	  "its time by: sbx run --timeout 10m" },
	{ "tui", "sbx has no full-screen view; use sbx ls, sbx policy log NAME and sbx run" },
	{ "volume",
	  "'volume' is for sandboxes in a cloud, which this sbx does not have; share a "
	  "folder of this machine by: sbx run --mount FOLDER:PATH" },
};

static int refuse(const struct invocation *invocation, struct err *err)
{
	size_t row = 0;

	while (strcmp(rows[row].name, invocation->command->name) != 0)
		row++;
	return err_set(err, -ENOTSUP, "%s", rows[row].sentence);
}

#define ABSENT(word)                                                                      \
	{                                                                                 \
		.name = (word), .hidden = true, .summary = "Not a command of this sbx",   \
		.arguments = "[ARG...]", .most = ARGUMENTS_MANY, .raw_after_first = true, \
		.run = refuse                                                             \
	}

const struct command cmd_attach = ABSENT("attach");
const struct command cmd_mcp = ABSENT("mcp");
const struct command cmd_move = ABSENT("move");
const struct command cmd_setup = ABSENT("setup");
const struct command cmd_skills = ABSENT("skills");
const struct command cmd_ssh = ABSENT("ssh");
const struct command cmd_ttl = ABSENT("ttl");
const struct command cmd_tui = ABSENT("tui");
const struct command cmd_volume = ABSENT("volume");
