/*
 * Asking the host's resolvers.
 *
 * A lookup is one question. It goes to one resolver after the other, each time
 * with a new random id from a new socket, so that nobody off the path can
 * answer for them; by TCP where the answer did not fit. It ends with an
 * answer, or after DNS_LOOKUP_TIMEOUT_MS without one. Sans-I/O: sockets are the
 * world's, time is told.
 */
#ifndef DNS_CLIENT_H
#define DNS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "dns/message.h"

struct dns_client;
struct dns_lookup;

enum {
	DNS_LOOKUPS_MAX = 256, /* at once */
	DNS_RESOLVERS_MAX = 8,
	DNS_TRY_TIMEOUT_MS = 1500,
	DNS_LOOKUP_TIMEOUT_MS = 8000,
};

/* Sockets; at most one a lookup is open at a time. All may be called from within the calls below.
 */
struct dns_world {
	/*
	 * Connects a new socket (is_stream: TCP, and then dns_lookup_writable() is due once it
	 * is connected). 0, -errno. ret_tag: the world's own, given back to it.
	 */
	int (*open)(void *world, struct dns_lookup *lookup, const struct endpoint *resolver,
		    bool is_stream, void **ret_tag);
	int (*send)(void *world, void *tag, const uint8_t *bytes, size_t len);
	void (*close)(void *world, void *tag);
	void (*random)(void *world, void *to, size_t len);
};

/* answer: NULL when there is none in time; valid during the call. The lookup is gone. */
typedef void dns_done_fn(void *context, struct dns_answer *answer);

int dns_client_create(const struct dns_world *world, void *owner, struct dns_client **ret);
void dns_client_destroy(struct dns_client *client); /* lookups end without a call */

/* Replaces the resolvers; lookups under way go on with the new ones at their next try. */
void dns_client_set_resolvers(struct dns_client *client, const struct endpoint *resolvers,
			      size_t count);

/*
 * Asks; done is called later, never from within. name: as dns_query's. -EBUSY:
 * too many lookups, -EINVAL: no name.
 */
int dns_client_ask(struct dns_client *client, const char *name, uint16_t type, dns_done_fn *done,
		   void *context, uint64_t now_ms);

/* Forgets lookups of this context, without a call. */
void dns_client_cancel(struct dns_client *client, const void *context);

/*
 * What the sockets report; dns_client_tick() is due after each. The lookup may
 * be gone on return.
 */
void dns_lookup_writable(struct dns_lookup *lookup); /* a stream is connected */
/* A datagram, or the next bytes of a stream. */
void dns_lookup_received(struct dns_lookup *lookup, const uint8_t *bytes, size_t len);
void dns_lookup_failed(struct dns_lookup *lookup); /* or ended */

/* Runs what is due; returns when to call again (UINT64_MAX: never). */
uint64_t dns_client_tick(struct dns_client *client, uint64_t now_ms);

#endif
