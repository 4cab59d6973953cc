/*
 * How much a guest may say through names that it makes up.
 *
 * Where a wildcard allows all names of a zone, each new name carries bytes to
 * the zone's servers. A zone is the last two labels: never less than what one
 * owner has. The bytes of new names before it are counted: DNS_LIMIT_BURST at
 * once and DNS_LIMIT_PER_SECOND after that, which is plenty for people and
 * programs and nothing for a tunnel. A name asked for again costs nothing. Pure.
 */
#ifndef DNS_LIMIT_H
#define DNS_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	DNS_LIMIT_ZONES = 128,
	DNS_LIMIT_NAMES = 4096,	   /* that are remembered */
	DNS_LIMIT_BURST = 4096,	   /* bytes */
	DNS_LIMIT_PER_SECOND = 20, /* bytes */
};

struct dns_limit;

/* seed: secret, so that nobody can make names that look known. */
int dns_limit_create(uint64_t seed, struct dns_limit **ret);
void dns_limit_destroy(struct dns_limit *limit);

/* Whether the name (lower case) may be asked for now; counts it if so. */
bool dns_limit_take(struct dns_limit *limit, const char *name, uint64_t now_ms);

/* The part of name that is its zone. */
const char *dns_zone_of(const char *name);

#endif
