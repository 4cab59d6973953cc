/*
 * The guest's side of one TCP connection, step by step: each call sends one
 * segment or expects one, and keeps the sequence numbers.
 */
#ifndef TESTS_UNIT_NET_CLIENT_H
#define TESTS_UNIT_NET_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/net/wire.h"

enum { CLIENT_WINDOW = 65535, CLIENT_SCALE = 7, CLIENT_FIRST = 1000000 };

struct client {
	struct wire *wire;
	struct peer *peer;
	bool v6;
	const char *to;
	uint16_t port, to_port;
	uint16_t window;   /* what the next segment says */
	uint32_t seq, ack; /* the next of ours, of theirs */
	uint32_t told;	   /* bytes that the stack's last window allows */
	int scale;	   /* of the stack's windows */
	struct seen seen;  /* the last segment of the stack */
};

/* A connection that is open on both sides. False: it did not come to be. */
bool client_open(struct client *client, struct wire *wire, uint16_t port);

/* Sends a segment: flags, len bytes of the stream from position `at`. */
void client_send(struct client *client, uint8_t flags, uint64_t at, size_t len);

/* The same, and not flushed. */
void client_give(struct client *client, uint8_t flags, uint64_t at, size_t len);

/* The same at another sequence number, without touching the client's own. */
void client_send_at(struct client *client, uint32_t seq, uint8_t flags, uint64_t at, size_t len);

/* The SYN with MSS and window scale. */
void client_send_syn(struct client *client);

/* The next frame is a segment of this connection with these flags (PSH apart), at client->ack. */
bool client_expect(struct client *client, uint8_t flags, size_t len);

/* Nothing waits. */
bool client_hears_nothing(const struct client *client);

#endif
