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

enum { OAUTH_BODY_MAX = 256 << 10, OAUTH_HOST_MAX = 253 };

/* The OAUTH credential whose token_url this is; NULL: none. path: with its query or not. */
const struct credential *credentials_token_endpoint(const struct credentials *credentials,
						    const char *host, uint16_t port,
						    const char *path);

/* The host and port of "https://host[:port]/path"; -EINVAL. */
int oauth_url_host(const char *url, char ret_host[OAUTH_HOST_MAX + 1], uint16_t *ret_port);

/*
 * Puts the real refresh token in place of the sentinel, escaped as
 * content_type (NULL: not stated) wants it, JSON or a form. -EACCES: the
 * sentinel is there and no real token is; -EINVAL: a type in which it cannot
 * be replaced. The owner of the body wipes it once it was sent.
 */
int oauth_fill_request(const struct credential *credential, const char *content_type,
		       struct buf *body);

/* Owned, in sodium_malloc() memory; NULL: the reply had none. */
struct oauth_tokens {
	char *access, *refresh;
	char *id;	       /* an id token's header and claims, without its signature */
	uint64_t expires_in_s; /* 0: not stated */
};

/*
 * For the body of a 2xx reply (identity): takes the tokens ("access_token",
 * "accessToken", "refresh_token", "refreshToken") out of JSON and leaves
 * sentinels. Of an "id_token" the claims stay, for clients that read them, and the
 * signature goes: without it the token buys nothing. No body is a reply
 * without tokens. -EBADMSG: not JSON that is understood; it must not reach the
 * guest. Run the result through a credential_masker as any other reply.
 */
int oauth_take_reply(const struct credential *credential, struct buf *body,
		     struct oauth_tokens *ret);
void oauth_tokens_finish(struct oauth_tokens *tokens); /* wipes */

#endif
