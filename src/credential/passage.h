/* One request head on its way to a host: what the files of this library share about it. */
#ifndef CREDENTIAL_PASSAGE_H
#define CREDENTIAL_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct credential;
struct credentials;
struct http_request;

struct passage {
	const struct credentials *credentials; /* weak, as all here */
	const char *host;
	uint16_t port;
	struct http_request *request;
};

/* It would go where anyone on the way can read it: only custom secrets do, and not to port 443. */
bool passage_is_bare(const struct passage *passage, const struct credential *credential);

bool passage_binds(const struct passage *passage, const struct credential *credential);

/* Whether any sentinel or placeholder at all stands in the text. */
bool passage_holds_sentinel(const struct passage *passage, const char *text, size_t len);

/*
 * The credential whose sentinel or value is in the head although it is not
 * bound to this host, and that must therefore not be sent; NULL: none. Looked
 * for in field values, inside Basic logins, in the path as it is and decoded;
 * what cannot be looked into for want of memory counts as found.
 */
const struct credential *passage_find_foreign(const struct passage *passage);

#endif
