#include "dns/limit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { S_IN_MS = 1000, WAYS = 8 };

/* A zone's purse: bytes that may still be said. */
struct zone {
	uint64_t hash; /* of its name; 0: empty */
	uint64_t filled_ms;
	uint64_t purse_ms; /* bytes times milliseconds a byte takes */
};

struct dns_limit {
	uint64_t seed;
	struct zone zone[DNS_LIMIT_ZONES];
	uint64_t name[DNS_LIMIT_NAMES];	      /* hashes; 0: empty */
	uint8_t next[DNS_LIMIT_NAMES / WAYS]; /* which of a set gives way */
};

enum { MS_PER_BYTE = S_IN_MS / DNS_LIMIT_PER_SECOND };

int dns_limit_create(uint64_t seed, struct dns_limit **ret)
{
	struct dns_limit *limit = calloc(1, sizeof(*limit));

	if (limit == NULL)
		return -ENOMEM;
	limit->seed = seed;
	*ret = limit;
	return 0;
}

void dns_limit_destroy(struct dns_limit *limit)
{
	free(limit);
}

/* Keyed; one that is guessed right costs the guesser's target nothing. Never 0. */
static uint64_t hash_of(uint64_t seed, const char *text)
{
	uint64_t hash = seed ^ 0x9e3779b97f4a7c15ull;

	for (; *text != '\0'; text++) {
		hash = (hash ^ (uint8_t)*text) * 0xff51afd7ed558ccdull;
		hash ^= hash >> 29;
	}
	return hash | 1;
}

static const char *label_before(const char *name, const char *at)
{
	if (at == name)
		return name;
	at--;
	while (at > name && at[-1] != '.')
		at--;
	return at;
}

const char *dns_zone_of(const char *name)
{
	return label_before(name, label_before(name, name + strlen(name)));
}

static bool is_known(struct dns_limit *limit, uint64_t hash)
{
	const uint64_t *set = &limit->name[hash / 2 % (DNS_LIMIT_NAMES / WAYS) * WAYS];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i] == hash)
			return true;
	}
	return false;
}

static void remember(struct dns_limit *limit, uint64_t hash)
{
	size_t set = hash / 2 % (DNS_LIMIT_NAMES / WAYS);

	limit->name[set * WAYS + limit->next[set]++ % WAYS] = hash;
}

/* The zone's purse, filled up to now; a new one takes the place of the fullest. */
static struct zone *zone_at(struct dns_limit *limit, uint64_t hash, uint64_t now_ms)
{
	const uint64_t full = (uint64_t)DNS_LIMIT_BURST * MS_PER_BYTE;
	struct zone *best = &limit->zone[0];

	for (size_t i = 0; i < DNS_LIMIT_ZONES; i++) {
		struct zone *zone = &limit->zone[i];

		zone->purse_ms = min_of(full, zone->purse_ms + (now_ms - zone->filled_ms));
		zone->filled_ms = now_ms;
		if (zone->hash == hash)
			return zone;
		if (best->hash != 0 && (zone->hash == 0 || zone->purse_ms > best->purse_ms))
			best = zone;
	}
	/* A purse that is not full is not refilled by forgetting it. */
	if (best->hash == 0)
		best->purse_ms = full;
	best->hash = hash;
	return best;
}

bool dns_limit_take(struct dns_limit *limit, const char *name, uint64_t now_ms)
{
	const char *zone_name = dns_zone_of(name);
	uint64_t hash = hash_of(limit->seed, name);
	uint64_t cost_ms = (uint64_t)(zone_name - name) * MS_PER_BYTE;
	struct zone *zone;

	if (is_known(limit, hash))
		return true;
	zone = zone_at(limit, hash_of(limit->seed, zone_name), now_ms);
	if (cost_ms > zone->purse_ms)
		return false;
	zone->purse_ms -= cost_ms;
	remember(limit, hash);
	return true;
}
