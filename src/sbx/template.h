/*
 * What the commands do with templates through the daemon (docs/api.md,
 * "Templates").
 */
#ifndef SBX_TEMPLATE_H
#define SBX_TEMPLATE_H

#include <jansson.h>
#include <stdint.h>

struct client;
struct err;

/* For what unpacks an image: as long as it goes on, it may take. */
enum { TEMPLATE_MS = 4 * 3600 * 1000 };

/* The object of a template, owned by the caller; -ENOENT when there is none. */
int template_get(struct client *client, const char *reference, json_t **ret, struct err *err);

/*
 * Makes a template of an archive of this machine (an absolute path); reference: what to call it;
 * NULL: as the image calls itself. *ret is its object, owned by the caller.
 */
int template_load(struct client *client, const char *path, const char *reference, json_t **ret,
		  struct err *err);

/* Before work begins whose result is to be called so: -EINVAL and why it cannot be. */
int template_check_name(struct client *client, const char *name, struct err *err);

/*
 * Before a sandbox is made from it: asks the registry when that is due (`when` is a word of
 * --pull, or NULL), tells when the template was made for another agent.
 */
int template_ensure(struct client *client, const char *reference, const char *when,
		    const char *agent, struct err *err);

/* "Save complete…": how to use it. */
void template_print_use(const json_t *template);

#endif
