/*
 * OAuth tokens that never enter the guest. At a service's token endpoint the
 * refresh sentinel in a request body becomes the real refresh token, and the
 * tokens of the reply become sentinels; the real ones are handed out, for the
 * vault. Bodies are gathered whole: both are small, and bounded.
 */
#ifndef CREDENTIAL_OAUTH_H
#define CREDENTIAL_OAUTH_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct credential;
struct credentials;

enum { OAUTH_BODY_MAX = 256 << 10 };

/* The OAUTH credential whose token_url this is; NULL: none. path: with its query or not. */
const struct credential *credentials_token_endpoint(const struct credentials *credentials,
						    const char *host, uint16_t port,
						    const char *path);

/*
 * Puts the real refresh token in place of the sentinel, escaped as
 * content_type wants it (JSON or a form). -EACCES: the sentinel is there and
 * no real token is; -EINVAL: a type in which the sentinel cannot be replaced.
 * The body is wiped by its owner once it was sent.
 */
int oauth_fill_request(const struct credential *credential, const char *content_type,
		       struct buf *body);

/* Owned, in sodium_malloc() memory; NULL: the reply had none. */
struct oauth_tokens {
	char *access, *refresh;
	uint64_t expires_in_s; /* 0: not stated */
};

/*
 * Takes the tokens ("access_token", "accessToken", "refresh_token",
 * "refreshToken") out of a JSON reply (identity) and leaves sentinels. -EBADMSG: it is no
 * JSON that can be understood; then it must not reach the guest.
 */
int oauth_take_reply(const struct credential *credential, struct buf *body,
		     struct oauth_tokens *ret);
void oauth_tokens_finish(struct oauth_tokens *tokens); /* wipes */

#endif
