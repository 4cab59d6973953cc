/*
 * The outer ends of the guest's connections: for each net_flow a connected
 * stream socket, to a host, to sbx-proxy, or to our own resolver.
 *
 * No byte is copied on its way through this process: what the guest sends is
 * written from its memory, and what it shall get is peeked at an offset into
 * its memory and thrown away once it is acknowledged.
 */
#ifndef SBX_NET_OUTSIDE_H
#define SBX_NET_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/address.h"
#include "base/list.h"
#include "base/loop.h"

struct dns_pin;
struct net_flow;
struct network;
struct ruling;

/*
 * connecting  to a host; the guest waits for our answer.
 * reaching    a published port: the guest was asked and has not answered.
 * open        bytes flow.
 */
enum outside_state { OUTSIDE_CONNECTING, OUTSIDE_REACHING, OUTSIDE_OPEN };

enum { OUTSIDE_PATIENCE_MS = 20 * 1000 };

/* Who is at the outer end. */
enum outside_kind { OUTSIDE_DIRECT, OUTSIDE_PROXY, OUTSIDE_RESOLVER, OUTSIDE_PUBLISHED };

struct outside {
	struct network *network; /* weak */
	struct net_flow *flow;	 /* weak; NULL: between two tries to reach a published port */
	struct list node;	 /* in outsides.open */
	struct loop_watch watch;
	int fd;	     /* owned */
	uint64_t id; /* of the flow towards sbx-proxy */
	enum outside_state state;
	enum outside_kind kind;
	uint8_t attempt;	   /* which of several addresses is tried */
	uint64_t patient_until_ms; /* published: refused before, it is tried again; 0: it is not */
	bool is_tcp;		   /* else a Unix stream */
	bool peeks_at;		   /* the kernel peeks at an offset */
	bool is_ended;		   /* the far side will send no more */
	bool is_allowed;	   /* when it was opened, by the policy */
	bool is_cut;		   /* by us: the far side gets a reset as well */
	size_t peek_at;		   /* where it would peek next */
	struct endpoint to;	   /* where it leads, as the guest knows it; published: its port */
	struct dns_pin *pin;	   /* held: whose name let it through */
	/* To sbx-proxy: what it dialled last, if anything. */
	struct endpoint dialled;     /* family ADDRESS_NONE: nothing */
	struct dns_pin *dialled_pin; /* held */
};

struct outsides {
	struct network *network; /* weak */
	struct list open;
	struct list again;   /* published ones that try the next address when the stack is done */
	struct list resting; /* published ones that begin anew in a while */
	struct loop_timer rest;
	struct outside *current; /* weak: whose events are being told; NULL once it is gone */
	uint64_t next_id;
	uint16_t next_port; /* of the link's host, for published ports */
	uint64_t bytes_in, bytes_out;
	unsigned count, max; /* max: as many as there are descriptors for */
};

void outsides_init(struct outsides *outsides, struct network *network, unsigned max);
/* Before the stack is destroyed, which ends the flows. */
void outsides_finish(struct outsides *outsides);

/* net_world's calls for a flow. */
void outside_opened(struct outsides *outsides, struct net_flow *flow, const struct endpoint *to);
ssize_t outside_write(struct outside *outside, const struct iovec *parts, int count);
size_t outside_room(struct outside *outside);
void outside_finished(struct outside *outside);
ssize_t outside_peek(struct outside *outside, size_t offset, const struct iovec *parts, int count);
void outside_acked(struct outside *outside, size_t bytes);
void outside_closed(struct outside *outside, int error);

/*
 * A connection from the host for a port of the guest; fd becomes ours. The guest's own
 * address is tried first, then its loopback, for servers that listen only there. patient: the
 * connection woke the guest, so it is held for OUTSIDE_PATIENCE_MS until a server listens.
 */
void outside_publish(struct outsides *outsides, int fd, uint16_t port, bool is_patient);

/* Goes on with published connections whose first address was refused. */
void outsides_retry(struct outsides *outsides);

/* sbx-proxy was given a connection for this flow; pin: NULL, or of the name. */
void outside_dialled(struct outside *outside, const struct endpoint *to, struct dns_pin *pin);

/* The flow that sbx-proxy knows by id; NULL: it is over. */
struct outside *outsides_find(struct outsides *outsides, uint64_t id);

/* Ends what the policy does not allow any more, or everything. */
void outsides_judge(struct outsides *outsides);
void outsides_cut(struct outsides *outsides);

#endif
