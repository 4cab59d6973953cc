/*
 * The addresses of the link (net/link.h), by what they stand for.
 */
#ifndef SBX_NET_PLACE_H
#define SBX_NET_PLACE_H

#include <stdbool.h>

#include "base/address.h"
#include "dns/message.h"

enum place {
	PLACE_OUTSIDE, /* not of the link */
	PLACE_GATEWAY,
	PLACE_HOST, /* host.docker.internal */
	PLACE_GUEST,
};

enum place place_of(const struct address *address);

/* The link's address of a place, of one family. */
struct address place_address(enum place place, enum address_family family);

/* 127.0.0.1 or ::1. */
struct address place_loopback(enum address_family family);

/* A name of the link: its place; PLACE_OUTSIDE for all other names. */
enum place place_of_name(const char *name);

/* The name that stands for one of the link's addresses backwards ("….in-addr.arpa"); NULL. */
const char *place_reverse(const char *name);

/* The attempt-th address at which a published port of the guest is sought, and from which. */
bool place_published(unsigned attempt, struct address *ret_from, struct address *ret_to);

#endif
