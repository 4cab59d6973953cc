/*
 * What sbx-proxy does with secrets in HTTP: a set of credentials, applied to
 * each request head, and a scan of what passes in both directions.
 *
 * Where a service's credential is bound to a host, every credential the client
 * sent is removed (authorization, proxy-authorization, x-api-key, api-key,
 * x-goog-api-key and others, cookies, query parameters that carry a sentinel,
 * access_token= and the like) and the real one set. A custom secret replaces
 * its placeholder where it stands in header values, inside Basic logins too,
 * and in the query; a request it was put into keeps no other credential. The
 * guest chooses between http and https: without TLS no host is bound, but for
 * custom secrets at another port than 443, which some services take so. A
 * sentinel on its way to a host that it is not bound to stops the request
 * (fail closed). A real value in a response's head, body or
 * trailers is masked with '*'.
 *
 * Bodies: a service's sentinel is a public word, and an agent that shows its
 * model the output of `env` sends it in a body; it is let pass there, as it
 * buys nothing. A custom placeholder in a body stops the request where no
 * credential is bound to the host; a real value stops it everywhere but at its
 * own host. What a body holds is never replaced, but see credential/oauth.h.
 *
 * Values shorter than CREDENTIAL_SCAN_MIN are not looked for: they are no
 * secrets, and would be found everywhere.
 */
#ifndef CREDENTIAL_CREDENTIAL_H
#define CREDENTIAL_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct http_fields;
struct http_request;

enum credential_kind {
	CREDENTIAL_SERVICE = 1,	 /* header is set, whatever the client sent */
	CREDENTIAL_CUSTOM = 2,	 /* placeholder is replaced */
	CREDENTIAL_REGISTRY = 3, /* Basic login at a container registry and its token endpoint;
				    a bearer token that the registry gave is left alone */
	CREDENTIAL_OAUTH = 4,	 /* bearer token; sentinel in the guest's file. Without a value:
				    nobody logged in yet, the token endpoint is watched */
};

enum {
	CREDENTIALS_MAX = 512,
	CREDENTIAL_TARGETS_MAX = 64,
	CREDENTIAL_VALUE_MAX = 16384,
	CREDENTIAL_SCAN_MIN = 8, /* bytes */
};

/* One; strings owned, secrets in sodium_malloc() memory. */
struct credential {
	char *name; /* of the service or custom secret, for logs */
	enum credential_kind kind;
	char **targets; /* "host", "*.d", "**.d", each with ":port" or not; NULL-terminated */
	char *header;	/* "authorization", "x-api-key"; NULL for CUSTOM */
	char *format;	/* "Bearer %s", "%s", "basic:x-access-token" (the user's name) */
	char *sentinel; /* what stands for it in the guest */
	char *username; /* REGISTRY */
	char *value;	/* NUL-terminated; set by credential_set_value() */
	size_t value_len;
	char *token_url;	/* OAUTH: "https://host/path" whose replies carry tokens */
	char *refresh_sentinel; /* OAUTH */
	char *refresh;		/* OAUTH: the real one; set by credential_set_refresh() */
	size_t refresh_len;
};

/* Copies into locked memory; -EINVAL on CR, LF or NUL, -EMSGSIZE when too long. */
int credential_set_value(struct credential *credential, const char *bytes, size_t len);
int credential_set_refresh(struct credential *credential, const char *bytes, size_t len);
void credential_finish(struct credential *credential); /* wipes */

/* An immutable set; share it by a count of your own, requests hold no part of it. */
struct credentials;

/* Takes over what the items hold (not the array), also on failure: -EINVAL, -E2BIG, -ENOMEM. */
int credentials_create(struct credential *items, size_t count, struct credentials **ret);
void credentials_destroy(struct credentials *credentials);

/* Whether requests to this host must be looked into because of a credential. */
bool credentials_bind(const struct credentials *credentials, const char *host, uint16_t port);

/* "*.d": one label before d; "**.d": one or more; "*", "**": any. No port in pattern: any port. */
bool credential_target_matches(const char *pattern, const char *host, uint16_t port);

enum credential_result {
	CREDENTIAL_NONE,     /* nothing to do with this request */
	CREDENTIAL_INJECTED, /* *ret_name says which was used */
	CREDENTIAL_REFUSED,  /* must not be sent; *ret_name which, err why, without any secret */
};

/*
 * host: where the request really goes (checked authority). Changes the request
 * in place. *ret_name is weak, in the set; NULL with NONE. Running out of
 * memory is REFUSED too.
 */
enum credential_result credentials_apply(const struct credentials *credentials, const char *host,
					 uint16_t port, struct http_request *request,
					 const char **ret_name, struct err *err);

/*
 * A request body, in pieces. What is safe to send is appended to `out`: all but
 * a tail that may be the beginning of something sought, which follows at
 * `end`. -EACCES: stop the request, credential_scanner_found() is the name.
 * The set must outlive scanner and masker.
 */
struct credential_scanner;
int credential_scanner_create(const struct credentials *credentials, const char *host,
			      uint16_t port, struct credential_scanner **ret);
int credential_scanner_feed(struct credential_scanner *scanner, const uint8_t *bytes, size_t len,
			    bool end, struct buf *out);
const char *credential_scanner_found(const struct credential_scanner *scanner);
void credential_scanner_destroy(struct credential_scanner *scanner);

/*
 * Masks real values in a response body, and decodes it: what comes out is
 * identity, so content-encoding and content-length must go from the head when
 * `encoding` (the header's value; NULL: none) is not identity. gzip, deflate
 * (zlib), br and zstd; any other, and several of them, is -EOPNOTSUPP: the
 * proxy asks origins for those only where there are credentials. Values are
 * found plain, JSON-escaped, percent-encoded and in base64 (both alphabets, in any alignment,
 * on one line), across pieces.
 */
struct credential_masker;
int credential_masker_create(const struct credentials *credentials, const char *encoding,
			     struct credential_masker **ret);

/*
 * The same for what a server sends after 101 Switching Protocols to WebSocket: a value is masked in
 * the payload of frames, which keep their lengths (credential/websocket.h). The request must not
 * offer an extension. -EBADMSG: no frames, or not to be looked into.
 */
int credential_masker_create_websocket(const struct credentials *credentials,
				       struct credential_masker **ret);

/*
 * Fields of a response's head or trailers that hold a real value; how many were changed.
 * -ENOMEM: drop the response, or the trailers.
 */
int credentials_mask_fields(const struct credentials *credentials, struct http_fields *fields,
			    unsigned *ret_masked);

/*
 * Appends what may go on to `out`; only a tail that may be the beginning of a
 * value is held back, until `end`. -EBADMSG: not what `encoding` says, or cut
 * short; -E2BIG: it grows beyond reason (a bomb), as is -ENOBUFS of `out`
 * (give it 32 MiB for pieces of 16 KiB). After any error nothing more may be sent.
 */
int credential_masker_feed(struct credential_masker *masker, const uint8_t *bytes, size_t len,
			   bool end, struct buf *out);
unsigned credential_masker_found(const struct credential_masker *masker);
const char *credential_masker_name(const struct credential_masker *masker); /* of the last found */
void credential_masker_destroy(struct credential_masker *masker);

#endif
