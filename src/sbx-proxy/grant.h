/*
 * A request to a token endpoint (credential/oauth.h): its body is complete
 * before it is sent, with the real refresh token in it, and its reply is
 * complete before it is shown, with sentinels in place of the tokens.
 */
#ifndef SBX_PROXY_LOGIN_H
#define SBX_PROXY_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/message.h"

struct control;
struct credential;

struct login {
	const struct credential *credential; /* weak; NULL: the request is no login */
	struct http_response head;	     /* of the reply, until its body is complete */
	struct buf body;		     /* of the reply */
};

void login_init(struct login *login);
void login_finish(struct login *login); /* wipes */

/* Makes the request one that tokens go out with; body: all of it. -errno as oauth_fill_request().
 */
int login_fill(const struct login *login, struct http_request *request, struct buf *body);

/* The head of the reply waits for its body: taken over. */
void login_hold(struct login *login, struct http_response *response);

/* A piece of the body; -EMSGSIZE. */
int login_gather(struct login *login, const uint8_t *bytes, size_t len);

/* The body is complete: tokens go to sbxd, sentinels stay. -EBADMSG: not to be shown. */
int login_take(struct login *login, struct control *control);

#endif
