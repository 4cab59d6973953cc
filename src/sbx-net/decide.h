/*
 * What the policy says to a connection, a datagram, a name.
 *
 * The questions are policy/policy.h's; what is added here is what only this
 * process knows: which names led to an address (dns/pins.h), which addresses are
 * the host's own, which hosts must be looked into by sbx-proxy, and through
 * which proxy the host itself goes out.
 */
#ifndef SBX_NET_DECIDE_H
#define SBX_NET_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/pins.h"
#include "policy/policy.h"

struct net_message;

/* A list of host patterns, owned. */
struct patterns {
	struct policy_resource *resource;
	size_t count;
};

struct upstream {
	char *host; /* owned: name or address; NULL: connections are made directly */
	uint16_t port;
};

struct decider {
	struct policy *policy; /* owned; NULL: all is denied */
	struct dns_pins *pins; /* owned */
	struct address *own;   /* owned */
	size_t own_count;
	struct patterns inspect, no_proxy;
	struct upstream upstream;
	uint64_t generation; /* grows with each change of what is above, but of the pins */
};

/* Where a connection goes that is let through. */
enum route {
	ROUTE_NONE,
	ROUTE_DIRECT,
	ROUTE_PROXY, /* sbx-proxy looks at it, and asks for each host again */
};

struct ruling {
	struct policy_verdict verdict;
	enum route route;
	struct dns_pin *pin; /* weak: whose name the verdict is about; NULL: the bare address */
};

int decider_init(struct decider *decider);
void decider_finish(struct decider *decider);

/* Takes over the policy. */
void decider_set_policy(struct decider *decider, struct policy *policy);
/* Of NET_HOST and NET_INSPECT; what does not parse is left out. -ENOMEM: nothing changed. */
int decider_set_host(struct decider *decider, const struct net_message *message);
int decider_set_inspect(struct decider *decider, const struct net_message *message);

bool decider_is_own(const struct decider *decider, const struct address *address);

/* Whether some port of the name may be reached, by TCP or UDP. */
void decide_name(const struct decider *decider, const char *name, struct policy_verdict *ret);

/* Whether the resolver may hand the address out for the name. */
bool decide_handing_out(const struct decider *decider, const char *name,
			const struct address *address);

/* A connection or datagram of the guest to an address that is not on the link. */
void decide_address(const struct decider *decider, const struct endpoint *to,
		    enum policy_protocol protocol, uint64_t now_ms, struct ruling *ret);

/* The same to host.docker.internal. */
void decide_host(const struct decider *decider, uint16_t port, enum policy_protocol protocol,
		 struct ruling *ret);

/*
 * sbx-proxy wants to reach a name at an address. is_given: the guest chose the
 * address, so it must be one that was given for the name, or that a rule names.
 * name NULL: the address only.
 */
void decide_dial(const struct decider *decider, const char *name, const struct endpoint *to,
		 bool is_given, uint64_t now_ms, struct policy_verdict *ret);

/*
 * sbx-proxy found neither HTTP nor TLS in a connection of the guest: judged as if there
 * were no proxy, but where something needs looking into.
 */
void decide_opaque(const struct decider *decider, const struct endpoint *to, uint64_t now_ms,
		   struct policy_verdict *ret);

/* Whether the way to the name is by the host's own proxy. */
bool decider_goes_upstream(const struct decider *decider, const char *name,
			   const struct endpoint *to);

#endif
