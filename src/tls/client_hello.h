/*
 * The first message of a TLS client (RFC 8446 §4.1.2), read before TLS has
 * begun: whom it wants to reach, and what it can speak. Strict: what two parsers
 * could read in two ways is malformed, and whoever reads this decides nothing
 * from a malformed hello.
 */
#ifndef TLS_CLIENT_HELLO_H
#define TLS_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CLIENT_HELLO_MAX = 65536, /* bytes of the message */
	/* A hello is cut into few records, or its sender plays games. */
	CLIENT_HELLO_RECORDS_MAX = 64,
	CLIENT_HELLO_BYTES_MAX = CLIENT_HELLO_MAX + CLIENT_HELLO_RECORDS_MAX * 5,
	CLIENT_HELLO_NAME_MAX = 253,
};

enum alpn { ALPN_HTTP1 = 1 << 0, ALPN_H2 = 1 << 1 };

struct client_hello {
	char name[CLIENT_HELLO_NAME_MAX + 1]; /* server_name, lower case; "": none */
	unsigned alpn;			      /* enum alpn bits of what is offered */
	bool has_alpn;			      /* else any protocol, which is HTTP/1.1 for HTTP */
	bool has_ech;	   /* encrypted_client_hello, real or GREASE: nobody can tell */
	bool speaks_tls12; /* or 1.3 */
};

/*
 * Reads the records at the start of len bytes. 1: *ret is filled; 0: more
 * bytes are needed, up to CLIENT_HELLO_BYTES_MAX; -EPROTO: not TLS, or malformed: two
 * names, a name that is no host name, an extension twice, lengths that disagree.
 */
int client_hello_parse(const uint8_t *bytes, size_t len, struct client_hello *ret);

/* Whether bytes, at least one, may begin a TLS record of a handshake. */
bool client_hello_may_begin(const uint8_t *bytes, size_t len);

#endif
