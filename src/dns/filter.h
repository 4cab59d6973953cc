/*
 * What of a server's answer a guest may see.
 *
 * Kept are the records that answer the question: the chain of CNAMEs from the
 * asked name, and at its end records of the asked type; everything else is
 * dropped. Addresses that the owner does not let through are taken out, and TTLs
 * are kept within DNS_TTL_MIN and DNS_TTL_MAX. A CNAME to a name that is
 * denied is let through: what was allowed is the asked name, and only it is
 * tied to the address. Pure.
 */
#ifndef DNS_FILTER_H
#define DNS_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"

enum { DNS_TTL_MIN = 5, DNS_TTL_MAX = 300, DNS_CHAIN_MAX = 12 };

/* How a question of this type is treated once its name is allowed. */
enum dns_treatment {
	DNS_ASK,     /* forward it */
	DNS_EMPTY,   /* answer that there are no such records: SVCB, HTTPS */
	DNS_DECLINE, /* REFUSED: ANY, zone transfers, and what is not known here */
};

enum dns_treatment dns_treatment_of(uint16_t type);

struct dns_filter {
	void *owner;
	/* Whether an address may be handed out for the name. */
	bool (*admits)(void *owner, const char *name, const struct address *address);
};

/*
 * Reduces the answer in place. Returns how many addresses were taken out; the
 * first of them is in *ret_stripped.
 */
size_t dns_filter_apply(const struct dns_filter *filter, const char *name, uint16_t type,
			struct dns_answer *answer, struct address *ret_stripped);

#endif
