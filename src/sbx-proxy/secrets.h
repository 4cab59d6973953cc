/*
 * The set of credentials in force, shared: a request that began under a set
 * ends under it, also when sbxd sent a new one meanwhile.
 */
#ifndef SBX_PROXY_SECRETS_H
#define SBX_PROXY_SECRETS_H

struct credentials;

struct secrets {
	struct credentials *set; /* owned */
	unsigned users;
};

/* Takes over the set; one user. NULL: no memory, and the set is destroyed. */
struct secrets *secrets_create(struct credentials *set);
struct secrets *secrets_get(struct secrets *secrets); /* NULL stays NULL */
void secrets_put(struct secrets *secrets);	      /* the last one destroys it */

#endif
