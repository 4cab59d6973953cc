/*
 * Published ports: a port of this host that leads to one of the guest. As data;
 * who listens is ports.h.
 */
#ifndef SBXD_PUBLISHED_H
#define SBXD_PUBLISHED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct err;

enum published_protocol { PUBLISHED_TCP4, PUBLISHED_TCP6, PUBLISHED_UDP4, PUBLISHED_UDP6 };
enum { PUBLISHED_PROTOCOLS = 4, PUBLISHED_MAX = 64, PUBLISHED_TEXT_MAX = 80 };

struct published {
	enum published_protocol protocol;
	struct endpoint host; /* port 0: any that is free */
	uint16_t guest_port;
	bool is_any; /* the host's port was not chosen by the user */
};

struct published_list {
	struct published items[PUBLISHED_MAX];
	size_t count;
};

bool published_is_udp(const struct published *published);
const char *published_protocol_name(enum published_protocol protocol); /* "tcp4", … */

/* "127.0.0.1:8080->3000/tcp4" */
void published_format(const struct published *published, char ret[PUBLISHED_TEXT_MAX]);

/* Whether both listen at the same place of the host. */
bool published_collide(const struct published *a, const struct published *b);

/*
 * Reads {"host_ip"?,"host_port"?,"sandbox_port","protocol"?} into one or two: "tcp" and
 * "udp" stand for both families, where no address says which. Without a protocol it is that of
 * tcp for the address, 127.0.0.1 without one. Returns how many, -EINVAL with a sentence.
 */
int published_parse(json_t *json, struct published ret[2], struct err *err);

/* {"host_ip","host_port","sandbox_port","protocol"} */
json_t *published_view(const struct published *published);

/* The same with "any", for the record, and back. -EINVAL. */
json_t *published_store(const struct published *published);
int published_load(json_t *json, struct published *ret);

/* -E2BIG */
int published_list_add(struct published_list *list, const struct published *published);
void published_list_remove(struct published_list *list, size_t index);

/* Whether what is there is meant by what was asked to be unpublished: host port 0 is any. */
bool published_selects(const struct published *wanted, const struct published *there);

#endif
