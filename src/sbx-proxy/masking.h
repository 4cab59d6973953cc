/*
 * What an origin that was given a secret says, on its way to the guest: it is asked for what can
 * be looked through, and what cannot be is not passed on.
 */
#ifndef SBX_PROXY_MASKING_H
#define SBX_PROXY_MASKING_H

#include <stdbool.h>

struct credential_masker;
struct credentials;
struct http_request;
struct http_response;

/* The request offers only what a masker can read: no other coding, no WebSocket extension. */
void masking_ask(struct http_request *request);

/*
 * The head is masked. *ret: for what follows it, owned; NULL: nothing that could hold a secret
 * does. -EOPNOTSUPP: a coding or an extension that was not offered, -ENOMEM: do not pass it on.
 */
int masking_begin(const struct credentials *credentials, struct http_response *response,
		  bool has_body, struct credential_masker **ret);

#endif
