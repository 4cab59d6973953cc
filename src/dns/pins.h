/*
 * Which address was given for which name: the memory that ties a connection to
 * the name that led to it.
 *
 * A pin is made when an address is handed out for a name, and holds until its
 * TTL and a grace are over, since clients use addresses longer than they
 * should. It is always to the name that was asked for, whatever CNAMEs led to
 * the address: the names between gain nothing. A connection holds its pin, so
 * that a policy can be judged anew for it. The table is bounded; the pin not
 * used for longest and held by nobody gives way. Pure: time is told.
 */
#ifndef DNS_PINS_H
#define DNS_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct dns_pin;
struct dns_pins;

enum {
	DNS_PINS_MAX = 4096,
	DNS_PIN_GRACE_S = 3600,
};

int dns_pins_create(struct dns_pins **ret);
void dns_pins_destroy(struct dns_pins *pins);

/*
 * Pins address to name (lower case) for ttl_s and the grace, or renews the pin.
 * -ENOSPC: every pin is held. -ENOMEM.
 */
int dns_pins_add(struct dns_pins *pins, const char *name, const struct address *address,
		 uint32_t ttl_s, uint64_t now_ms);

/* The pin of both, NULL: there is none in force. Weak, until the next change unless held. */
struct dns_pin *dns_pins_find(struct dns_pins *pins, const char *name,
			      const struct address *address, uint64_t now_ms);

/* Pins in force for an address: the first with NULL, then the one after `pin`; NULL at the end. */
struct dns_pin *dns_pins_of_address(struct dns_pins *pins, const struct address *address,
				    struct dns_pin *pin, uint64_t now_ms);

/* Addresses of a name whose TTL is not over, at most max; returns how many. */
size_t dns_pins_fresh(struct dns_pins *pins, const char *name, struct address *ret, size_t max,
		      uint64_t now_ms);

const char *dns_pin_name(const struct dns_pin *pin);

/* As long as it is held it stays in force. */
struct dns_pin *dns_pin_hold(struct dns_pin *pin);
void dns_pin_release(struct dns_pin *pin); /* NULL is harmless */

size_t dns_pins_count(const struct dns_pins *pins);

#endif
