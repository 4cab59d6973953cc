/*
 * The guest's end of the link to its network (net/link.h): addresses, routes and
 * MTU are the same in every sandbox, so nothing has to be asked for.
 */
#ifndef SBX_INIT_NETWORK_H
#define SBX_INIT_NETWORK_H

#include <stdbool.h>

struct err;

/* The name of the interface. */
#define NETWORK_INTERFACE "eth0"

/* Whether this sandbox has a network at all. */
bool network_exists(void);

/* Brings up the loopback and, where there is one, the network. */
int network_raise(struct err *err);

#endif
