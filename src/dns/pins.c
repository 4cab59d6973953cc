/*
 * Pins stand in chains by their address, and in one list by their last use.
 * Names are found by a walk over that list: it is short, and asked for only
 * where a proxy dials by name.
 */
#include "dns/pins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum { BUCKETS = 1024, S_IN_MS = 1000 };

struct dns_pin {
	struct dns_pin *next; /* of the same bucket */
	struct list use;      /* in dns_pins.uses, the last used at the end */
	struct address address;
	uint64_t fresh_until_ms; /* its TTL */
	uint64_t until_ms;	 /* and the grace */
	unsigned holders;
	char name[]; /* NUL-terminated */
};

struct dns_pins {
	struct dns_pin *bucket[BUCKETS];
	struct list uses;
	size_t count;
};

int dns_pins_create(struct dns_pins **ret)
{
	struct dns_pins *pins = calloc(1, sizeof(*pins));

	if (pins == NULL)
		return -ENOMEM;
	list_init(&pins->uses);
	*ret = pins;
	return 0;
}

void dns_pins_destroy(struct dns_pins *pins)
{
	if (pins == NULL)
		return;
	list_for_each (node, next, &pins->uses)
		free(container_of(node, struct dns_pin, use));
	free(pins);
}

/* FNV-1a: an attacker who crowds a bucket makes a walk of DNS_PINS_MAX steps, no more. */
static size_t bucket_of(const struct address *address)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(address->bytes); i++)
		hash = (hash ^ address->bytes[i]) * 16777619u;
	return (hash ^ hash >> 16) % BUCKETS;
}

static bool is_in_force(const struct dns_pin *pin, uint64_t now_ms)
{
	return pin->holders > 0 || now_ms < pin->until_ms;
}

static void drop(struct dns_pins *pins, struct dns_pin *pin)
{
	struct dns_pin **place = &pins->bucket[bucket_of(&pin->address)];

	while (*place != pin)
		place = &(*place)->next;
	*place = pin->next;
	list_remove(&pin->use);
	pins->count--;
	free(pin);
}

static void used(struct dns_pins *pins, struct dns_pin *pin)
{
	list_remove(&pin->use);
	list_append(&pins->uses, &pin->use);
}

/* One that nobody holds, the longest unused. */
static int make_room(struct dns_pins *pins)
{
	if (pins->count < DNS_PINS_MAX)
		return 0;
	list_for_each (node, next, &pins->uses) {
		struct dns_pin *pin = container_of(node, struct dns_pin, use);

		if (pin->holders == 0) {
			drop(pins, pin);
			return 0;
		}
	}
	return -ENOSPC;
}

static struct dns_pin *find(struct dns_pins *pins, const char *name, const struct address *address)
{
	struct dns_pin *pin = pins->bucket[bucket_of(address)];

	while (pin != NULL &&
	       !(address_equal(&pin->address, address) && strcmp(pin->name, name) == 0))
		pin = pin->next;
	return pin;
}

static struct dns_pin *add_new(struct dns_pins *pins, const char *name,
			       const struct address *address)
{
	size_t size = strlen(name) + 1;
	struct dns_pin *pin = malloc(sizeof(*pin) + size), **place;

	if (pin == NULL)
		return NULL;
	*pin = (struct dns_pin){ .address = *address };
	memcpy(pin->name, name, size);
	place = &pins->bucket[bucket_of(address)];
	pin->next = *place;
	*place = pin;
	list_append(&pins->uses, &pin->use);
	pins->count++;
	return pin;
}

int dns_pins_add(struct dns_pins *pins, const char *name, const struct address *address,
		 uint32_t ttl_s, uint64_t now_ms)
{
	struct dns_pin *pin = find(pins, name, address);

	if (pin == NULL) {
		int r = make_room(pins);

		if (r < 0)
			return r;
		pin = add_new(pins, name, address);
		if (pin == NULL)
			return -ENOMEM;
	}
	used(pins, pin);
	pin->fresh_until_ms = now_ms + (uint64_t)ttl_s * S_IN_MS;
	pin->until_ms = pin->fresh_until_ms + (uint64_t)DNS_PIN_GRACE_S * S_IN_MS;
	return 0;
}

struct dns_pin *dns_pins_find(struct dns_pins *pins, const char *name,
			      const struct address *address, uint64_t now_ms)
{
	struct dns_pin *pin = find(pins, name, address);

	if (pin == NULL || !is_in_force(pin, now_ms))
		return NULL;
	used(pins, pin);
	return pin;
}

struct dns_pin *dns_pins_of_address(struct dns_pins *pins, const struct address *address,
				    struct dns_pin *pin, uint64_t now_ms)
{
	pin = pin == NULL ? pins->bucket[bucket_of(address)] : pin->next;
	while (pin != NULL && !(address_equal(&pin->address, address) && is_in_force(pin, now_ms)))
		pin = pin->next;
	return pin;
}

size_t dns_pins_fresh(struct dns_pins *pins, const char *name, struct address *ret, size_t max,
		      uint64_t now_ms)
{
	size_t count = 0;

	list_for_each (node, next, &pins->uses) {
		const struct dns_pin *pin = container_of(node, struct dns_pin, use);

		if (count < max && now_ms < pin->fresh_until_ms && strcmp(pin->name, name) == 0)
			ret[count++] = pin->address;
	}
	return count;
}

const char *dns_pin_name(const struct dns_pin *pin)
{
	return pin->name;
}

struct dns_pin *dns_pin_hold(struct dns_pin *pin)
{
	pin->holders++;
	return pin;
}

void dns_pin_release(struct dns_pin *pin)
{
	if (pin != NULL)
		pin->holders--;
}

size_t dns_pins_count(const struct dns_pins *pins)
{
	return pins->count;
}
