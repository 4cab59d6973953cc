/*
 * One end of a TLS connection: server towards the guest, or client towards an
 * origin. The bytes of the network go through the owner's callbacks, which may
 * say -EAGAIN; the plain ones through tls_read() and tls_write(). Nothing is kept
 * here while the connection rests.
 *
 * The client verifies: chain up to the trust (no partial chains), time, use, the
 * name or address it was told to reach, and what the origin says about revocation
 * (tls/stapling.h). There is no way to turn that off.
 */
#ifndef TLS_ENDPOINT_H
#define TLS_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tls/client_hello.h"

struct leaves;
struct trust;
struct tls_end;

/* The network; both return bytes moved, -EAGAIN, or -errno. 0 of receive: the end. */
struct tls_io {
	ssize_t (*receive)(void *owner, void *to, size_t room);
	ssize_t (*send)(void *owner, const void *from, size_t len);
};

struct tls_config {
	const char *name; /* server: shown; client: expected. A host name or an IP address */
	unsigned alpn;	  /* enum alpn: what may be chosen, or is offered; 0: no ALPN */
	const struct tls_io *io;
	void *owner;
};

int tls_accept(struct leaves *leaves, const struct tls_config *config, struct tls_end **ret);
int tls_connect(struct trust *trust, const struct tls_config *config, struct tls_end **ret);
void tls_destroy(struct tls_end *end);

/*
 * Moves the handshake on: 1 done, 0 waits for the network (what for:
 * tls_wants_write()), -EPROTO failed: tls_failure() says why.
 */
int tls_handshake(struct tls_end *end);

/* Whether the handshake is still to be done; moves nothing. */
bool tls_is_shaking(const struct tls_end *end);

/* Bytes read, 0 at the end, -EAGAIN, -EPROTO. Go on until -EAGAIN: some may lie here. */
ssize_t tls_read(struct tls_end *end, void *to, size_t room);

/* Bytes taken, -EAGAIN: then call again with the same bytes first. -EPROTO. */
ssize_t tls_write(struct tls_end *end, const void *from, size_t len);

/* Says the end of our bytes; 0, -EAGAIN, -EPROTO. */
int tls_close(struct tls_end *end);

/* Whether what returned -EAGAIN or 0 waits for room to send, else for bytes. */
bool tls_wants_write(const struct tls_end *end);

/* The protocol agreed on; ALPN_HTTP1 when none was. */
enum alpn tls_alpn(const struct tls_end *end);

/* Whether the origin asked for a certificate of ours. */
bool tls_was_asked_certificate(const struct tls_end *end);

/* Why it failed, in a sentence; NULL: it did not. Weak. */
const char *tls_failure(const struct tls_end *end);

#endif
