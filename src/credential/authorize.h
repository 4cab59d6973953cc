/*
 * An OAuth login that this host makes itself, and the renewal of one: the
 * authorization code grant (RFC 6749 §4.1) with a proof of who began it
 * (PKCE, RFC 7636), and the refresh grant (§6). Pure: addresses and bodies of
 * requests, no I/O. What a service wants is data (credential/service.h).
 */
#ifndef CREDENTIAL_AUTHORIZE_H
#define CREDENTIAL_AUTHORIZE_H

struct buf;
struct service;

enum { AUTHORIZE_WORD_SIZE = 44 /* 32 random bytes in base64url, and a NUL */ };

/* One login on its way. */
struct authorize_attempt {
	char state[AUTHORIZE_WORD_SIZE];    /* comes back with the code */
	char verifier[AUTHORIZE_WORD_SIZE]; /* a secret: shown to the token URL only */
};

/* libsodium is ready. */
void authorize_begin(struct authorize_attempt *ret);

/* The address for the user's browser; NULL: no memory. */
char *authorize_url(const struct service *service, const struct authorize_attempt *attempt);

/*
 * Appends the body of a request to the token URL, as the service wants it:
 * JSON or a form. -EINVAL: the code is no visible ASCII. The body holds
 * secrets, so its owner wipes it.
 */
int authorize_code_body(const struct service *service, const struct authorize_attempt *attempt,
			const char *code, struct buf *body);
int authorize_refresh_body(const struct service *service, const char *refresh, struct buf *body);

/* The content type of those. */
const char *authorize_content_type(const struct service *service);

#endif
