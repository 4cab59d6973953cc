/*
 * How this host reaches the world, for the processes that do so on behalf of a
 * sandbox: its resolvers, its own addresses (which no sandbox may reach unless
 * a rule names them), and a proxy that must be passed.
 *
 *	resolvers	$SBX_RESOLVERS "address[:port],…", or /etc/resolv.conf
 *	proxy		$SBX_UPSTREAM_PROXY, or $HTTPS_PROXY, $ALL_PROXY, or their
 *			lower-case forms: http://, socks5:// or socks5h://
 *	no proxy	$SBX_NO_PROXY, or $NO_PROXY, $no_proxy
 *
 * The variables are those sbxd was started with; an empty one counts as set.
 * Thread-safe.
 */
#ifndef SBXD_UPLINK_H
#define SBXD_UPLINK_H

#include <stdbool.h>
#include <stddef.h>

#include "sbxd/string_list.h"

struct buf;
struct err;
struct uplink;
struct loop;

/* What is known now; lists of text as wire/net.h has them. */
struct uplink_facts {
	struct string_list resolvers;	  /* "address:port" */
	struct string_list own_addresses; /* "address" */
	struct string_list no_proxy;	  /* host patterns */
	char *upstream;			  /* owned; with user and password; NULL: direct */
};

int uplink_create(struct uplink **ret);
void uplink_destroy(struct uplink *uplink);

/* Looks again; true when something changed. */
bool uplink_refresh(struct uplink *uplink);

/* Looks again whenever the host's addresses or resolv.conf change; calls changed on the loop. */
int uplink_watch(struct uplink *uplink, struct loop *loop, void (*changed)(void *context),
		 void *context);

/* A copy; finish it. -ENOMEM. */
int uplink_facts(struct uplink *uplink, struct uplink_facts *ret);
void uplink_facts_finish(struct uplink_facts *facts);

/* NET_HOST, without the proxy's login. */
int uplink_append_host(const struct uplink_facts *facts, struct buf *frames);
/* PROXY_UPSTREAM, with it: wipe `frames` when it was sent. */
int uplink_append_proxy(const struct uplink_facts *facts, struct buf *frames);

/* The parts that read what somebody wrote. */
int uplink_parse_resolv_conf(const char *text, struct string_list *ret);
int uplink_parse_resolvers(const char *text, struct string_list *ret);
int uplink_parse_no_proxy(const char *text, struct string_list *ret);
/* "http://u:p@host:3128/" to "http://host:3128", in fresh memory; NULL for what is no proxy. */
char *uplink_without_login(const char *url);

#endif
