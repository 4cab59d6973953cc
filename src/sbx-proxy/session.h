/*
 * A connection of the guest that speaks HTTP, in plain or under our TLS: its
 * requests, and the origins that answer them.
 *
 * fixed:	the connection is for one host (its server_name, or the CONNECT):
 *		a request for another is answered 421 and goes nowhere.
 * free:	each request names its host. An explicit proxy connection is free,
 *		and so is plain HTTP that goes out by itself: sbx-net checks the name.
 *
 * A connection to an origin serves requests of one guest connection for one host only.
 */
#ifndef SBX_PROXY_SESSION_H
#define SBX_PROXY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/loop.h"
#include "sbx-proxy/line.h"
#include "sbx-proxy/origin.h"
#include "sbx-proxy/patience.h"
#include "wire/net.h"

struct channel;
struct proxy;

struct session_config {
	struct proxy *proxy;
	struct channel *guest; /* weak; under TLS its handshake is done */
	uint64_t flow;
	const char *address; /* weak; of a transparent flow */
	uint16_t port;	     /* of the flow; 0: an explicit proxy's, requests say it */
	const char *fixed;   /* weak, outlives the session; NULL: free */
	bool is_tls;
	unsigned alpn;		    /* what the guest speaks, so what origins are offered */
	bool is_proxy;		    /* explicit: absolute form, CONNECT */
	struct origin *origin;	    /* taken over when open; NULL: made when needed */
	struct refusal *refusal;    /* moved: the answer to every request; NULL: none */
	void *owner;		    /* weak */
	void (*moved)(void *owner); /* something happened: for the owner's patience */
	void (*over)(void *owner);  /* close the channel; the session may be destroyed then */
	/* CONNECT was answered: bytes that came after it, and the channel, are the owner's. */
	void (*connected)(void *owner, const char *host, uint16_t port, const uint8_t *bytes,
			  size_t len);
};

struct session {
	struct session_config config;
	struct refusal refusal;
	struct line line;
	struct list exchanges; /* struct exchange */
	struct list sources;   /* struct source */
	uint64_t served;       /* requests so far */
	bool is_moving, is_over;
	struct patience_wait spare; /* with origins that nothing is asked of */
	struct loop_timer again;    /* more moves, after others had their turn */
	/* A CONNECT to be answered, outside of its event: the codec takes no byte after it then. */
	struct http_stream *connect; /* weak; NULL: none */
	char *connect_host;	     /* owned */
	uint16_t connect_port;
	bool is_connected; /* it was answered */
};

/* A connection to one origin. */
struct source {
	struct list node;
	struct session *session; /* weak */
	struct origin *origin;	 /* owned */
	struct line line;	 /* its codec NULL until the origin is open */
	unsigned streams;	 /* open */
	bool is_stale;		 /* takes no new ones */
};

int session_create(const struct session_config *config, struct session **ret);
void session_destroy(struct session *session);

/* The guest's channel stirred, or the patience of an exchange's owner is to be looked after. */
void session_move(struct session *session);

/* The policy is another: requests under way are judged anew. */
void session_judge(struct session *session);

/* Whether nothing is under way: for patience. */
bool session_is_resting(const struct session *session);

/* Within session/exchange only: the origin for a host, made when there is none; NULL: no memory. */
struct source *session_source(struct session *session, const char *name, uint16_t port);

#endif
