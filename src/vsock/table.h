/*
 * The device's connections: where they are found, and the moves between their
 * states (connection.h). A connection's port on the host's side names its slot
 * and the slot's generation, so that finding it is one look and a late packet
 * for a former one finds nothing.
 */
#ifndef VSOCK_TABLE_H
#define VSOCK_TABLE_H

#include <stdint.h>

#include "base/list.h"
#include "vsock/connection.h"
#include "vsock/device.h"
#include "vsock/packet.h"

enum { REPLIES_MAX = 64 };

struct vsock_device {
	struct vsock_device_config config;
	struct list free;  /* former connections, by owed_node */
	unsigned fresh;	   /* slots from here on were never used */
	struct list owed;  /* connections that owe a packet, by owed_node */
	struct list ready; /* connections whose socket may have bytes, by ready_node */
	/* RSTs that belong to no connection, oldest at replies_start. */
	struct vsock_packet replies[REPLIES_MAX];
	unsigned replies_start, replies_count;
	struct connection connections[VSOCK_CONNECTIONS_MAX];
};

/* A connection in state ASKING with its ports set; NULL when all are in use. */
struct connection *table_add(struct vsock_device *device, int fd, uint32_t guest_port);

/* The connection that the guest may speak of; NULL when there is none. */
struct connection *table_find(struct vsock_device *device, uint32_t host_port, uint32_t guest_port);

void connection_owe(struct connection *connection, unsigned owed);
void connection_paid(struct connection *connection, unsigned owed);

/* Tells the guest (once) what we will not do any more. */
void connection_tell(struct connection *connection, unsigned shutdown);

/* Whether bytes of the host may still go to the guest. */
bool connection_is_readable(const struct connection *connection);

/* Its socket may have bytes: it gets its turn at the next delivery. */
void connection_make_ready(struct connection *connection);

/* ASKING to OPEN. */
void connection_open(struct connection *connection);

/* To LEFT; owed is what the guest still gets: OWED_RST or nothing. */
void connection_leave(struct connection *connection, unsigned owed);

/* ASKING to LEFT, and the host is told why. */
void connection_refuse(struct connection *connection, int code, unsigned owed);

/* After anything changed: closes what is finished, waits for what is not. */
void connection_settle(struct connection *connection);

/* Writes what waits for the host, and passes on what that completes. */
void connection_drain(struct connection *connection);

/* The host closed its end altogether. */
void connection_host_left(struct connection *connection);

#endif
