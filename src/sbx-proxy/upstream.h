/*
 * The proxy that this host must pass to reach the world: sbx-net connects to
 * it, and here the client's half of the conversation is spoken: HTTP CONNECT with
 * a Basic login (RFC 9110 §9.3.6), or SOCKS5 with the name left to the proxy
 * (RFC 1928, RFC 1929). Sans-I/O.
 */
#ifndef SBX_PROXY_UPSTREAM_H
#define SBX_PROXY_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct err;

enum upstream_kind { UPSTREAM_HTTP, UPSTREAM_SOCKS5 };

enum { UPSTREAM_LOGIN_MAX = 255 };

struct upstream {
	enum upstream_kind kind;
	bool has_login;
	char user[UPSTREAM_LOGIN_MAX + 1], password[UPSTREAM_LOGIN_MAX + 1];
};

/* "http://[user:password@]host:port", "socks5://", "socks5h://"; -EINVAL. */
int upstream_parse(const char *url, struct upstream *ret);
void upstream_finish(struct upstream *upstream); /* wipes */

enum upstream_state { UPSTREAM_GREETED, UPSTREAM_LOGGING_IN, UPSTREAM_ASKED, UPSTREAM_OPEN };

/* One conversation. */
struct upstream_talk {
	const struct upstream *upstream; /* weak; until it is open */
	const char *host;		 /* weak */
	uint16_t port;
	enum upstream_state state;
};

/* Begins; what must be sent first is appended to `out`. -EINVAL: the name cannot be said. */
int upstream_begin(struct upstream_talk *talk, const struct upstream *upstream, const char *host,
		   uint16_t port, struct buf *out);

/*
 * Looks at what the proxy said so far; *ret_taken is how much of it is done
 * with. More to send is appended to `out`. 1: the way is open and what follows is the origin's; 0:
 * more bytes are needed; -ECONNREFUSED, -EPROTO and a sentence.
 */
int upstream_hear(struct upstream_talk *talk, const uint8_t *bytes, size_t len, size_t *ret_taken,
		  struct buf *out, struct err *err);

#endif
