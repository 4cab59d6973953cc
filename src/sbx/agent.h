/*
 * Agents: what a word of the command line may name, what is run for one, and
 * what is said when it has no credential. An agent is a kit of its name
 * (share/kits) or of a reference (kit_source.h); none is known to this code but
 * the one that is meant when nobody says.
 */
#ifndef SBX_AGENT_H
#define SBX_AGENT_H

#include <jansson.h>
#include <stdbool.h>

struct client;
struct err;
struct kit_options;
struct kit_prepared;

#define AGENT_DEFAULT "shell"

/*
 * Whether the word is meant as an agent: a name that there is a kit for, a reference that leads
 * elsewhere, or the path of a folder that holds a kit, but not "." or "..".
 */
bool agent_is_available(const char *word);

/* The names of those that there are, parted by the separator; owned by the caller, or NULL. */
char *agent_names(const char *separator);

/* -EINVAL with a sentence that names the agents that there are. */
int agent_refuse(const char *word, struct err *err);

/* The name that its sandboxes bear; owned by the caller. */
int agent_name(const char *word, const struct kit_options *options, char **ret, struct err *err);

/* What POST /sandbox is to be told of it; nothing for a shell that has no kit. */
int agent_prepare(const char *word, const struct kit_options *options, struct kit_prepared *ret,
		  struct err *err);

/*
 * The command line in a sandbox: the agent's entrypoint, its flags and what was given, which takes
 * the flags' place when it does not begin with '-'. The array is owned by the caller, its strings
 * are not; NULL without memory.
 */
const char **agent_command(const json_t *sandbox, const char *const *given, bool is_terminal);

/* Says on stderr which `sbx secret set` to type, when the agent has no credential. */
void agent_mention_credentials(struct client *client, const json_t *sandbox);

#endif
