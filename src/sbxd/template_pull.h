/*
 * Images of registries: skopeo brings one into a folder of the store, which is then
 * taken in as any image is (template_import.h).
 *
 * skopeo is not ours and speaks with strangers, so it runs in a jail of its own: no
 * file but its program and libraries, the host's certificates, the configuration of
 * registries, one login, and the folder that it writes; no environment but
 * a proxy's address; the host's network. It is ended when it has written more than
 * the disk can spare.
 */
#ifndef SBXD_TEMPLATE_PULL_H
#define SBXD_TEMPLATE_PULL_H

#include <stdbool.h>

struct err;
struct supervisor;
struct template;

/* When a registry is asked. */
enum template_pull {
	TEMPLATE_PULL_DEFAULT, /* what came from a registry: always; what was made here: never */
	TEMPLATE_PULL_ALWAYS,
	TEMPLATE_PULL_MISSING,
	TEMPLATE_PULL_NEVER,
};

/* "always", "missing", "never"; NULL is the default. -EINVAL and a sentence. */
int template_pull_parse(const char *word, enum template_pull *ret, struct err *err);

/*
 * The template of a reference, pulled if need be. When it cannot be pulled and there is one from
 * before, that is it, and *warning says why; warning->code is 0 otherwise.
 */
int template_pull(struct supervisor *supervisor, const char *reference, enum template_pull when,
		  struct template *ret, struct err *warning, struct err *err);

#endif
