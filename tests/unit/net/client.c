#include "tests/unit/net/client.h"

#include <stdio.h>

#include "base/bytes.h"

static struct sent segment(const struct client *client, uint8_t flags)
{
	return (struct sent){ .v6 = client->v6,
			      .protocol = 6,
			      .to = client->to,
			      .from_port = client->port,
			      .to_port = client->to_port,
			      .seq = client->seq,
			      .ack = (flags & SEEN_ACK) != 0 ? client->ack : 0,
			      .flags = flags,
			      .window = client->window };
}

void client_send_at(struct client *client, uint32_t seq, uint8_t flags, uint64_t at, size_t len)
{
	struct sent sent = segment(client, flags);

	sent.seq = seq;
	sent.at = at;
	sent.len = len;
	wire_send(client->wire, &sent);
}

void client_send(struct client *client, uint8_t flags, uint64_t at, size_t len)
{
	client_send_at(client, client->seq, flags, at, len);
	client->seq += (uint32_t)len + ((flags & SEEN_FIN) != 0);
}

void client_give(struct client *client, uint8_t flags, uint64_t at, size_t len)
{
	static uint8_t frame[NET_FRAME_MAX];
	struct sent sent = segment(client, flags);

	sent.seq = client->seq;
	sent.at = at;
	sent.len = len;
	wire_give(client->wire, frame, wire_build(&sent, frame));
	client->seq += (uint32_t)len + ((flags & SEEN_FIN) != 0);
}

void client_send_syn(struct client *client)
{
	static const uint8_t options[] = { 2, 4, 0xff, 0xc8, 1, 3, 3, CLIENT_SCALE };
	struct sent sent = segment(client, SEEN_SYN);

	sent.options = options;
	sent.options_len = sizeof(options);
	wire_send(client->wire, &sent);
	client->seq++;
}

bool client_expect(struct client *client, uint8_t flags, size_t len)
{
	struct seen *seen = &client->seen;

	if (!wire_take(client->wire, seen)) {
		printf("# nothing from the stack\n");
		return false;
	}
	if (seen->protocol != 6 || seen->to.port != client->port ||
	    (seen->flags & ~SEEN_PSH) != flags || seen->len != len || seen->seq != client->ack) {
		printf("# protocol %u port %u flags %#x len %zu seq %u, not %#x %zu %u\n",
		       seen->protocol, seen->to.port, seen->flags, seen->len, seen->seq, flags, len,
		       client->ack);
		return false;
	}
	client->ack += (uint32_t)len + ((flags & (SEEN_SYN | SEEN_FIN)) != 0);
	client->told = seen->window << ((flags & SEEN_SYN) != 0 ? 0 : client->scale);
	return true;
}

bool client_hears_nothing(const struct client *client)
{
	return client->wire->count == 0;
}

bool client_open(struct client *client, struct wire *wire, uint16_t port)
{
	client->wire = wire;
	client->port = port;
	client->window = CLIENT_WINDOW;
	client->seq = CLIENT_FIRST;
	if (client->to == NULL)
		client->to = client->v6 ? "2001:db8::1" : "93.184.216.34";
	if (client->to_port == 0)
		client->to_port = 80;
	client_send_syn(client);
	if (!wire_take(wire, &client->seen) || client->seen.flags != (SEEN_SYN | SEEN_ACK) ||
	    client->seen.ack != client->seq || wire->peer_count == 0)
		return false;
	client->peer = &wire->peers[(wire->peer_count - 1) % WIRE_PEERS];
	client->ack = client->seen.seq + 1;
	client->scale = client->seen.scale;
	client_send(client, SEEN_ACK, 0, 0);
	return client_hears_nothing(client) && client->peer->flow != NULL;
}
