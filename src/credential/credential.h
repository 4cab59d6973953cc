/*
 * What sbx-proxy does with secrets in HTTP: a set of credentials, applied to
 * each request head, and a scan of each response.
 *
 * For a host that a credential is bound to, every credential the client sent
 * is removed (Authorization, x-api-key, api-key, x-goog-api-key,
 * proxy-authorization, cookies that carry sentinels, key= parameters) and the
 * real one set. A custom secret replaces its placeholder where it stands in
 * header values and the query. A sentinel or placeholder on its way to a host
 * it is not bound to stops the request (fail closed). A real value in a
 * response head or body is masked with as many '*'.
 */
#ifndef CREDENTIAL_CREDENTIAL_H
#define CREDENTIAL_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct http_request;
struct http_response;

enum credential_kind {
	CREDENTIAL_SERVICE = 1,	 /* header is set, whatever the client sent */
	CREDENTIAL_CUSTOM = 2,	 /* placeholder is replaced */
	CREDENTIAL_REGISTRY = 3, /* Basic login at a container registry and its token endpoint */
	CREDENTIAL_OAUTH = 4, /* bearer token that sbxd refreshes; sentinel in the guest's file */
};

enum { CREDENTIALS_MAX = 512, CREDENTIAL_TARGETS_MAX = 64, CREDENTIAL_VALUE_MAX = 16384 };

/* One; strings owned, `value` in locked memory. */
struct credential {
	char *name; /* of the service or custom secret, for logs */
	enum credential_kind kind;
	char **targets; /* host patterns as in policy resources, NULL-terminated */
	char *header;	/* "authorization", "x-api-key"; NULL for CUSTOM */
	char *format;	/* "Bearer %s", "%s", "basic:x-access-token" */
	char *sentinel; /* what stands for it in the guest */
	char *username; /* REGISTRY */
	char *value;	/* sodium_malloc()ed; CR, LF, NUL refused */
	size_t value_len;
};

struct credentials; /* an immutable set */

/* Takes the items over. */
int credentials_create(struct credential *items, size_t count, struct credentials **ret);
void credentials_destroy(struct credentials *credentials); /* wipes */
void credential_finish(struct credential *credential);

/* Whether requests to this host must be looked into because of a credential. */
bool credentials_bind(const struct credentials *credentials, const char *host, uint16_t port);

enum credential_result {
	CREDENTIAL_NONE,     /* nothing to do with this request */
	CREDENTIAL_INJECTED, /* *ret_name says which was used */
	CREDENTIAL_REFUSED,  /* must not be sent; err says why, without any secret */
};

/* host: where the request really goes (checked authority). Changes the request in place. */
enum credential_result credentials_apply(const struct credentials *credentials, const char *host,
					 uint16_t port, struct http_request *request,
					 const char **ret_name, struct err *err);

/*
 * The same for a request body, in pieces: looks for sentinels bound elsewhere. A
 * scanner holds back at most the longest needle; -EACCES: stop the request.
 */
struct credential_scanner;
int credential_scanner_create(const struct credentials *credentials, const char *host,
			      struct credential_scanner **ret);
int credential_scanner_feed(struct credential_scanner *scanner, const uint8_t *bytes, size_t len);
void credential_scanner_destroy(struct credential_scanner *scanner);

/*
 * Masks real values in a response. encoding: of the body ("gzip", "br", "zstd",
 * "identity"); an encoding that cannot be looked through is -EOPNOTSUPP: the
 * proxy asks origins for identity or gzip on hosts with credentials. Values are found plain,
 * JSON-escaped, URL-encoded and in base64, across piece boundaries.
 */
struct credential_masker;
int credential_masker_create(const struct credentials *credentials, const char *host,
			     const char *encoding, struct credential_masker **ret);
void credentials_mask_head(const struct credentials *credentials, const char *host,
			   struct http_response *response, unsigned *ret_masked);
/* Appends what may go on to `out`; holds back a bounded tail until `end`. */
int credential_masker_feed(struct credential_masker *masker, const uint8_t *bytes, size_t len,
			   bool end, struct buf *out);
unsigned credential_masker_found(const struct credential_masker *masker);
void credential_masker_destroy(struct credential_masker *masker);

#endif
