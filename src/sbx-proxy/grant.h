/*
 * A request to a token endpoint (credential/oauth.h): its body is complete
 * before it is sent, with the real refresh token in it, and its reply is
 * complete before it is shown, with sentinels in place of the tokens.
 */
#ifndef SBX_PROXY_GRANT_H
#define SBX_PROXY_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/message.h"

struct control;
struct credential;

struct grant {
	const struct credential *credential; /* weak; NULL: the request is no login */
	struct http_response head;	     /* of the reply, until its body is complete */
	struct buf body;		     /* of the reply */
};

void grant_init(struct grant *grant);
void grant_finish(struct grant *grant); /* wipes */

/* Makes the request one that tokens go out with; body: all of it. -errno as oauth_fill_request().
 */
int grant_fill(const struct grant *grant, struct http_request *request, struct buf *body);

/* The head of the reply waits for its body: taken over. */
void grant_hold(struct grant *grant, struct http_response *response);

/* A piece of the body; -EMSGSIZE. */
int grant_gather(struct grant *grant, const uint8_t *bytes, size_t len);

/*
 * The body is complete: tokens go to sbxd, sentinels stay. -EBADMSG: not to be shown;
 * -EMSGSIZE: with a token that is too long to be kept.
 */
int grant_take(struct grant *grant, struct control *control);

#endif
