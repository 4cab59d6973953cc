/*
 * What sbx-net is told and what it tells. Frames (wire/frame.h) with TLV
 * payloads (wire/tlv.h), on two kinds of connection:
 *
 * CONTROL, a stream between sbxd and sbx-net: sbxd connects to the listening
 * socket that sbx-net was given as descriptor 4, again after each restart of
 * sbxd; a new connection replaces the old one. Nothing is allowed before the
 * first policy; the last one stays in force while sbxd is away.
 *
 * PROXY, a SOCK_SEQPACKET pair between sbx-net (descriptor 5) and sbx-proxy
 * (descriptor 3), one frame a packet. sbx-proxy holds the secrets and cannot
 * open a socket: sbx-net dials for it, what the policy allows, nothing else.
 */
#ifndef WIRE_NET_H
#define WIRE_NET_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "wire/frame.h"

struct buf;

enum net_frame {
	/* CONTROL, sbxd to sbx-net */
	NET_POLICY_BEGIN = 1, /* FLAGS: locked_down */
	NET_POLICY_RULE = 2,  /* policy/encode.h */
	NET_POLICY_END = 3,
	NET_HOST = 4,	 /* RESOLVER*, OWN_ADDRESS*, UPSTREAM, NO_PROXY*: replaces all of it */
	NET_INSPECT = 5, /* NAME*: patterns of hosts with credentials: any port goes to sbx-proxy */
	NET_CONNECT = 6, /* PORT, FLAGS patient; fd: an accepted TCP connection for a port of the
			    guest */
	NET_LISTEN_UDP = 7,   /* PORT, ID; fd: a bound UDP socket whose datagrams go to the guest */
	NET_UNLISTEN_UDP = 8, /* ID */
	NET_CUT = 9,	      /* ends every connection (tests, revocation) */

	/* CONTROL, sbx-net to sbxd */
	NET_VERDICT = 32, /* see struct net_verdict */
	NET_APPLIED = 33, /* GENERATION: a policy is in force, open connections were judged anew */
	NET_STATS = 34,	  /* COUNT flows, BYTES in, BYTES out: each few seconds when changed */

	/* PROXY, sbx-net to sbx-proxy */
	NET_FLOW =
		64, /* ID, KIND, ADDRESS, PORT; fd: one end of a stream pair, the guest behind it */
	NET_DIALLED = 65, /* ID (of the dial), ERROR, RULE, TEXT, FLAGS via; fd on success */

	/* PROXY, sbx-proxy to sbx-net */
	/*
	 * ID, FLOW, NAME, PORT: connect to NAME, a host name or an address. For a transparent
	 * flow the address is the flow's own and must be one that NAME was resolved to. Without
	 * NAME, of a transparent flow that is neither HTTP nor TLS, it is judged as if there were
	 * no proxy; what needs looking into is refused then.
	 * The verdict on a dial is told to sbxd by sbx-proxy, which knows what became of it.
	 */
	NET_DIAL = 96,
};

enum net_tag {
	NET_TAG_FLAGS = 1,	 /* u32 */
	NET_TAG_GENERATION = 2,	 /* u64 */
	NET_TAG_RESOLVER = 3,	 /* string, "address:port" */
	NET_TAG_OWN_ADDRESS = 4, /* string */
	NET_TAG_UPSTREAM =
		5, /* string, "http://host:port" or "socks5://host:port"; absent: direct */
	NET_TAG_NO_PROXY = 6,	/* string: host pattern that is reached directly */
	NET_TAG_NAME = 7,	/* string */
	NET_TAG_PORT = 8,	/* u32 */
	NET_TAG_ID = 9,		/* u64 */
	NET_TAG_KIND = 10,	/* u32, enum net_flow_kind */
	NET_TAG_ADDRESS = 11,	/* string */
	NET_TAG_ERROR = 12,	/* u32, positive errno; EACCES: the policy */
	NET_TAG_RULE = 13,	/* string: rule id */
	NET_TAG_TEXT = 14,	/* string: the sentence */
	NET_TAG_FLOW = 15,	/* u64 */
	NET_TAG_COUNT = 16,	/* u64 */
	NET_TAG_BYTES_IN = 17,	/* u64, to the guest */
	NET_TAG_BYTES_OUT = 18, /* u64 */
	NET_TAG_DECISION = 19,	/* u32, enum policy_decision */
	NET_TAG_DENY_KIND = 20, /* u32, enum policy_deny_kind */
	NET_TAG_PROTOCOL = 21,	/* u32, enum policy_protocol */
	NET_TAG_PATH_KIND = 22, /* u32, enum net_path */
	NET_TAG_METHOD = 23,	/* string, HTTP */
	NET_TAG_PATH = 24,	/* string, HTTP */
	NET_TAG_STATUS = 25,	/* u32, HTTP */
};

enum {
	NET_FLAG_LOCKED_DOWN = 1 << 0,
	NET_FLAG_VIA_UPSTREAM = 1 << 1,
	NET_FLAG_PATIENT = 1 << 2, /* it woke the guest, whose server may need a while */
};

/* What the guest opened, seen from sbx-proxy. */
enum net_flow_kind {
	NET_FLOW_EXPLICIT = 1,	  /* to the gateway's proxy port */
	NET_FLOW_TRANSPARENT = 2, /* to port 80, 443, or a host to inspect */
	NET_FLOW_SSH_AGENT = 3,
};

/* The PROXY column of `policy log`. */
enum net_path {
	NET_PATH_FORWARD = 1,	     /* intercepted */
	NET_PATH_FORWARD_BYPASS = 2, /* CONNECT, not looked into */
	NET_PATH_TRANSPARENT = 3,    /* transparent, SNI and address only */
	NET_PATH_NETWORK = 4,	     /* other TCP and UDP */
	NET_PATH_DNS = 5,
};

/* An event for the log and the audit; the same from sbx-net and sbx-proxy. Strings owned. */
struct net_verdict {
	uint32_t decision, deny_kind, protocol, path_kind, port, status;
	uint64_t count; /* equal ones gathered in a short time */
	char *name, *address, *rule, *text, *method, *path; /* NULL: absent */
};

int net_verdict_append(struct buf *buf, uint16_t frame_type, const struct net_verdict *verdict);
int net_verdict_decode(const struct frame *frame, struct net_verdict *ret);
void net_verdict_finish(struct net_verdict *verdict);

/* Every other frame as one struct; absent numbers 0, absent strings NULL. Owned. */
enum { NET_LIST_MAX = 512 };
struct net_message {
	uint16_t type; /* enum net_frame */
	uint64_t generation, id, flow, count, bytes_in, bytes_out;
	uint32_t flags, port, kind, error;
	char *upstream, *name, *address, *rule, *text;
	char **resolvers, **own_addresses, **no_proxy, **names; /* NULL-terminated, or NULL */
};
int net_message_append(struct buf *buf, const struct net_message *message);
int net_message_decode(const struct frame *frame, struct net_message *ret);
void net_message_finish(struct net_message *message);

#endif
