/*
 * The REST server: HTTP on connections whose peer was checked. Each connection
 * has a thread of its own, so a handler that waits holds up nobody.
 */
#ifndef SBXD_REST_H
#define SBXD_REST_H

struct err;
struct rest;
struct supervisor;

int rest_create(struct supervisor *supervisor, struct rest **ret, struct err *err);
void rest_destroy(struct rest *rest);

/*
 * Serves a connected socket, which it owns from then on. -EBUSY when REST_CONNECTIONS_MAX are
 * served; the client was told.
 */
enum { REST_CONNECTIONS_MAX = 256 };
int rest_add(struct rest *rest, int socket);

/* Whether a peer may talk to us, the user of this process or root; -EPERM. */
int rest_check_peer(int socket);

#endif
