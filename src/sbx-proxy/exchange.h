/*
 * One request of the guest and its response: judged by the policy, given its
 * credential, sent to the origin, masked on the way back.
 */
#ifndef SBX_PROXY_EXCHANGE_H
#define SBX_PROXY_EXCHANGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/list.h"
#include "http/codec.h"
#include "sbx-proxy/grant.h"
#include "sbx-proxy/origin.h"
#include "sbx-proxy/relay.h"

struct credential_masker;
struct credential_scanner;
struct secrets;
struct session;
struct source;

struct exchange {
	struct session *session;	    /* weak */
	struct list node;		    /* of the session */
	struct source *source;		    /* weak; NULL: none wanted or gone */
	struct http_stream *guest, *origin; /* weak; NULL: gone, or not open */
	struct http_request request;
	char host[ORIGIN_NAME_MAX + 1];
	uint16_t port;
	char *path; /* owned; canonical; NULL: it has none */
	bool has_body;
	bool is_judged;	  /* allowed, and has its credential */
	bool is_answered; /* a final response head went to the guest */
	bool is_told;	  /* its verdict was */
	char rule[65];
	struct relay up, down;
	struct secrets *secrets; /* owned */
	struct credential_scanner *scanner;
	struct credential_masker *masker;
	struct grant grant;
	struct buf page; /* of a refusal; not sent yet */
};

extern const struct http_events exchange_guest_events;	/* owner: struct session */
extern const struct http_events exchange_origin_events; /* owner: struct source */

/* The source is open: send it. Also when it had no room before. */
void exchange_send(struct exchange *exchange);
/* Answers with a page, or ends what was answered already. */
void exchange_refuse(struct exchange *exchange, const struct refusal *refusal);
/* Judged anew; what is denied now ends. */
void exchange_judge(struct exchange *exchange);
void exchange_destroy(struct exchange *exchange);

#endif
