/*
 * The link between a guest and its network: the same in every sandbox, since
 * each has a network of its own. 192.0.0.0/29 is never routed anywhere (RFC
 * 7335), so it hides no address that a user may want to reach, and no Docker
 * bridge takes it.
 */
#ifndef NET_LINK_H
#define NET_LINK_H

#define LINK_GATEWAY4 "192.0.0.1" /* also the resolver */
#define LINK_GUEST4 "192.0.0.2"
#define LINK_HOST4 "192.0.0.3" /* host.docker.internal */
#define LINK_PREFIX4 29
#define LINK_GATEWAY6 "fd73:6278::1"
#define LINK_GUEST6 "fd73:6278::2"
#define LINK_HOST6 "fd73:6278::3"
#define LINK_PREFIX6 64
#define LINK_GUEST_MAC "\x02\x73\x62\x78\x00\x02"
#define LINK_GATEWAY_MAC "\x02\x73\x62\x78\x00\x01"

#define LINK_GATEWAY_NAME "gateway.docker.internal"
#define LINK_HOST_NAME "host.docker.internal"

enum {
	LINK_MTU = 65520,
	LINK_DNS_PORT = 53,
	LINK_PROXY_PORT = 3128,	    /* explicit HTTP proxy, on the gateway */
	LINK_SSH_AGENT_PORT = 3129, /* the host's SSH agent, signatures only, on the gateway */
};

#endif
