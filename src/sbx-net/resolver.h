/*
 * Names: the guest's own resolver on its gateway, by UDP and TCP, and lookups
 * for sbx-proxy's dials.
 *
 * Only names that the policy allows some port of are asked for at the host's
 * resolvers; nothing is sent for others (N06). What is handed out is filtered
 * (dns/filter.h) and pinned to the asked name (dns/pins.h).
 */
#ifndef SBX_NET_RESOLVER_H
#define SBX_NET_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/list.h"
#include "base/loop.h"
#include "policy/policy.h"

struct dns_client;
struct dns_limit;
struct net_message;
struct network;

enum { RESOLVED_MAX = 16 };

struct resolver {
	struct network *network;   /* weak */
	struct dns_client *client; /* owned */
	struct dns_limit *limit;   /* owned */
	struct loop_timer timer;
	struct list requests;	/* of the guest, waiting for an answer */
	struct list streams;	/* of the guest, by TCP */
	struct list resolvings; /* for dials */
	unsigned streams_count;
};

int resolver_init(struct resolver *resolver, struct network *network);
void resolver_finish(struct resolver *resolver);

/* The resolvers of NET_HOST. */
void resolver_set_host(struct resolver *resolver, const struct net_message *message);

/* A datagram of the guest to port 53 of the gateway. */
void resolver_datagram(struct resolver *resolver, const struct endpoint *from,
		       const struct endpoint *to, const uint8_t *bytes, size_t len);

/* A connection of the guest to it; fd becomes the resolver's, also on failure. */
int resolver_serve(struct resolver *resolver, int fd);

/*
 * The addresses of one family of a name, for a dial; done is called later, with those that
 * the policy lets out, pinned, and one that was taken out (NULL: none was). is_free: for a
 * name that the host itself chose (its own proxy): no policy, no pin. -errno: it is not asked.
 */
typedef void resolved_fn(void *context, const struct address *addresses, size_t count,
			 const struct address *stripped);
int resolver_resolve(struct resolver *resolver, const char *name, enum address_family family,
		     bool is_free, resolved_fn *done, void *context);
/* Forgets what was asked with this context. */
void resolver_cancel(struct resolver *resolver, const void *context);

/*
 * Whether the name may be asked for now, by the policy and by how many new names it has
 * asked for; the verdict of a refusal.
 */
bool resolver_admits(struct resolver *resolver, const char *name, struct policy_verdict *ret);

#endif
