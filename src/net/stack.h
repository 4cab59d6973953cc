/*
 * The network of one guest, in user mode: Ethernet in, decided flows out.
 *
 * How it works. The guest is alone on its link with us. Addresses are fixed
 * (net/link.h), so there is no DHCP; ARP and NDP answer for the gateway only.
 * Every TCP connection and UDP datagram of the guest, whatever its destination,
 * is shown to the world (struct net_world), which connects it, refuses it, or
 * answers itself (DNS, the proxy). Nothing is forwarded that the world did not
 * accept. No fragments, no IP options, no URG, no helpers for protocols above.
 *
 * Hostile input: headers are copied once and checked; payload is passed on as
 * iovecs into guest memory that only the kernel reads. What is malformed, or
 * says it comes from another address than the guest's, is counted and dropped.
 *
 * No buffers per connection: bytes for the guest are read from the flow's
 * source at an offset (net_world.peek) straight into the guest's receive
 * buffers, and dropped from the source when acknowledged (net_world.acked);
 * bytes of the guest are written to the source at once, and what it does not
 * take stays with the guest by a closed window (RFC 9293 §3.8.6).
 *
 * Tables are fixed: NET_FLOWS_MAX connections; half-open ones beyond
 * NET_HALF_OPEN_MAX are refused. Sans-I/O: no clock, no socket in here.
 */
#ifndef NET_STACK_H
#define NET_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/address.h"

struct net_flow;
struct net_stack;

enum {
	NET_FLOWS_MAX = 16384,
	NET_HALF_OPEN_MAX = 1024,
	NET_MTU = 65520, /* of the link, without the Ethernet header */
	NET_FRAME_MAX = 14 + NET_MTU,
	NET_UDP_MAX = NET_MTU - 48, /* payload of one datagram */
};

/*
 * virtio 1.2 §5.1.6: what the guest left to us, or we leave to it. From us the
 * checksum is partial in TCP frames only: csum_start is 14 + 20, or 14 + 40 with
 * is_v6, csum_offset 16.
 */
struct net_offload {
	bool checksum;	     /* the TCP/UDP checksum is partial: not filled in */
	uint16_t segment;    /* payload bytes a segment of a larger TCP frame; 0: no segmentation */
	uint16_t header_len; /* bytes of all headers, when segment != 0; ignored on input */
	bool is_v6;	     /* of a TCP frame; ignored on input */
};

/* How a connection that the guest asked for is refused. */
enum net_refusal {
	NET_REFUSE_RESET,	/* RST, like a closed port */
	NET_REFUSE_PROHIBITED,	/* ICMP administratively prohibited (TCP: RST as well) */
	NET_REFUSE_UNREACHABLE, /* ICMP host unreachable */
	NET_REFUSE_DROP,
};

/* What the stack needs; every call may come from within a call of the stack. */
struct net_world {
	/*
	 * Room for one frame of at most len bytes in the guest's receive buffers:
	 * iovecs into guest memory behind the device's own header. Returns their
	 * number, 0 when the guest has no room (net_stack_link_ready() is called once
	 * it has). Less room than asked for makes a smaller segment. Each reserve() is
	 * followed by one send(), which gives the frame to the guest, or drops it with
	 * len 0 (offload is then NULL). Several frames may be reserved before the first is
	 * sent: they are sent in that order, and those behind one that was dropped or did
	 * not fill its room are dropped too. Only peek() comes between.
	 */
	int (*reserve)(void *world, size_t len, struct iovec *ret, int max);
	void (*send)(void *world, size_t len, const struct net_offload *offload);

	/* The guest wants to connect: answer now or later by net_flow_accept() or _refuse(). */
	void (*opened)(void *world, struct net_flow *flow, const struct endpoint *to);
	/*
	 * Bytes of the guest, in order: how many were taken, -EAGAIN: none now, else a
	 * reset. After fewer than all it is not called before net_flow_writable().
	 */
	ssize_t (*write)(void *world, struct net_flow *flow, const struct iovec *parts, int count);
	/*
	 * Optional: how many bytes write() would surely take now: the window that the guest
	 * is told. Asked once for an ACK, not for a segment. A sender that outruns write()
	 * must retransmit, so a guess below the truth is better than one above. It moves in
	 * steps of 8 KiB: net_flow_writable() must follow when there is room again.
	 */
	size_t (*room)(void *world, struct net_flow *flow);
	/* The guest will send no more. */
	void (*finished)(void *world, struct net_flow *flow);
	/*
	 * Bytes for the guest from `offset` beyond what was acknowledged: how many, 0 at the
	 * end of the stream, -EAGAIN: none yet, else a reset. It is first called after
	 * net_flow_readable(), and after -EAGAIN not before the next one.
	 */
	ssize_t (*peek)(void *world, struct net_flow *flow, size_t offset,
			const struct iovec *parts, int count);
	void (*acked)(void *world, struct net_flow *flow, size_t bytes);
	/*
	 * The flow is over and freed when this returns. Once for each flow that was opened()
	 * or connected, also from within net_flow_refuse() and net_flow_reset(). error: 0 in
	 * order or by the world's own call, else why (-ECONNRESET: by the guest, -ETIMEDOUT,
	 * -ECONNREFUSED, what write() or peek() returned).
	 */
	void (*closed)(void *world, struct net_flow *flow, int error);

	/* A datagram of the guest, in guest memory; refuse by net_stack_udp_refuse(). */
	void (*datagram)(void *world, const struct endpoint *from, const struct endpoint *to,
			 const struct iovec *parts, int count, size_t len);
	/* Optional: something was dropped or refused, for the log; a literal. */
	void (*dropped)(void *world, const char *rule, const struct endpoint *to);
};

struct net_stack_config {
	const struct net_world *world;
	void *owner; /* first argument of its functions */
	uint8_t guest_mac[6], gateway_mac[6];
	uint8_t seed[16]; /* secret of the initial sequence numbers, RFC 6528 */
};

struct net_counters {
	uint64_t frames_in, frames_out, dropped, flows_opened, flows_refused;
	unsigned flows, half_open;
};

int net_stack_create(const struct net_stack_config *config, struct net_stack **ret);
void net_stack_destroy(struct net_stack *stack); /* `closed` is called for each flow */

/* What the driver accepted: whether it takes partial checksums and large TCP frames from us. */
void net_stack_guest_takes(struct net_stack *stack, bool checksum, bool tso4, bool tso6);

/*
 * A frame of the guest, without the device's header. parts: in guest memory, where the
 * bytes have to stay until the next net_stack_flush(): they are written with those of others.
 */
void net_stack_input(struct net_stack *stack, const struct net_offload *offload,
		     const struct iovec *parts, int count, uint64_t now_ms);

/*
 * Sends what the frames since the last flush ask for: one ACK for a burst. Due after
 * each burst of net_stack_input(); net_stack_link_ready() and net_stack_tick() do it too.
 */
void net_stack_flush(struct net_stack *stack, uint64_t now_ms);

/* The guest gave receive buffers: sends what waited. */
void net_stack_link_ready(struct net_stack *stack, uint64_t now_ms);

/* Runs what is due; returns when to call again (UINT64_MAX: never). */
uint64_t net_stack_tick(struct net_stack *stack, uint64_t now_ms);

/* Flows. tag: the owner's, NULL at first. */
void net_flow_set_tag(struct net_flow *flow, void *tag);
void *net_flow_tag(const struct net_flow *flow);
const struct endpoint *net_flow_destination(const struct net_flow *flow);
const struct endpoint *net_flow_guest(const struct net_flow *flow);

void net_flow_accept(struct net_flow *flow, uint64_t now_ms);
void net_flow_refuse(struct net_flow *flow, enum net_refusal how, uint64_t now_ms);
/* The source has bytes or its end. */
void net_flow_readable(struct net_flow *flow, uint64_t now_ms);
/* The source takes bytes again. */
void net_flow_writable(struct net_flow *flow, uint64_t now_ms);
void net_flow_reset(struct net_flow *flow, uint64_t now_ms);

/*
 * Connects to a port of the guest (published ports), at its address or at its
 * 127.0.0.1 (where a guest that routes it, route_localnet, has servers that listen
 * nowhere else), as from `from`, which must be of the link. Answered by net_flow_tag's owner
 * through `established` or `closed`. -ENOSPC: the table is full.
 */
int net_stack_connect(struct net_stack *stack, const struct endpoint *from,
		      const struct endpoint *to, void *tag,
		      void (*established)(void *owner, struct net_flow *flow), uint64_t now_ms,
		      struct net_flow **ret);

/* A datagram to the guest; dropped without room, like any datagram. */
void net_stack_udp_send(struct net_stack *stack, const struct endpoint *from,
			const struct endpoint *to, const void *bytes, size_t len);
/* ICMP for a datagram of the guest: administratively prohibited or port unreachable. */
void net_stack_udp_refuse(struct net_stack *stack, const struct endpoint *from,
			  const struct endpoint *to, enum net_refusal how);

const struct net_counters *net_stack_counters(const struct net_stack *stack);

#endif
