#include "tests/unit/sbx-net/sandbox.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "net/link.h"

const char *no_world;
static uint16_t next_port = 40000; /* of the guest */

/* ---- servers outside */

int bound_socket(int type, const char *where, char ret_text[ENDPOINT_TEXT_MAX])
{
	struct endpoint endpoint = endpoint_of(where);
	struct sockaddr_storage address;
	socklen_t len = endpoint_to_sockaddr(&endpoint, &address);
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 16) < 0))
		return -1;
	len = sizeof(address);
	(void)getsockname(fd, (struct sockaddr *)&address, &len);
	(void)endpoint_from_sockaddr(&address, &endpoint);
	endpoint_format(&endpoint, ret_text);
	return fd;
}

bool is_readable(int fd, int timeout_ms)
{
	struct pollfd there = { .fd = fd, .events = POLLIN };

	return poll(&there, 1, timeout_ms) == 1;
}

int accepted(int listener)
{
	return is_readable(listener, CARD_WAIT_MS) ? accept4(listener, NULL, NULL, SOCK_CLOEXEC)
						   : -1;
}

static size_t put_answer(uint8_t *at, const char *address)
{
	const struct address value = endpoint_of(address).address;
	size_t size = value.family == ADDRESS_V4 ? 4 : 16;

	be16_store(at, 0xc00c);
	be16_store(at + 2, size == 4 ? 1 : 28);
	be16_store(at + 4, 1);
	be32_store(at + 6, 1);
	be16_store(at + 10, (uint16_t)size);
	memcpy(at + 12, value.bytes, size);
	return 12 + size;
}

bool answer_query(const struct name_server *server, const char *const *addresses)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	uint8_t bytes[1500];
	ssize_t n;
	size_t end;
	uint16_t count = 0;

	if (!is_readable(server->fd, CARD_WAIT_MS))
		return false;
	n = recvfrom(server->fd, bytes, 512, 0, (struct sockaddr *)&from, &from_len);
	if (n < 12)
		return false;
	end = 12 + strlen((char *)bytes + 12) + 5;
	for (; addresses[count] != NULL; count++)
		end += put_answer(bytes + end, addresses[count]);
	be16_store(bytes + 2, 0x8180);
	be16_store(bytes + 6, count);
	be16_store(bytes + 10, 0);
	return sendto(server->fd, bytes, end, 0, (struct sockaddr *)&from, from_len) ==
	       (ssize_t)end;
}

/* ---- the sandbox */

bool sandbox_start_bare(struct sandbox *sandbox)
{
	sandbox->names.fd = bound_socket(SOCK_DGRAM, "127.0.0.1:0", sandbox->names.text);
	sandbox->server = bound_socket(SOCK_STREAM, CARD_PEER4 ":0", sandbox->server_text);
	return sandbox->names.fd >= 0 && sandbox->server >= 0 && card_start(&sandbox->card) == 0;
}

bool sandbox_start(struct sandbox *sandbox, const char *const *rules)
{
	char *resolvers[] = { sandbox->names.text, NULL };
	char *own[] = { (char *)CARD_OTHER4, NULL };
	const struct net_message host = { .type = NET_HOST,
					  .resolvers = resolvers,
					  .own_addresses = own };

	return sandbox_start_bare(sandbox) && card_tell(&sandbox->card, &host, -1) == 0 &&
	       card_set_policy(&sandbox->card, rules) == 0;
}

bool sandbox_stop(struct sandbox *sandbox)
{
	(void)close(sandbox->names.fd);
	(void)close(sandbox->server);
	return card_stop(&sandbox->card);
}

size_t put_query(uint8_t query[512], const char *name, uint16_t type)
{
	size_t at = 12;

	memset(query, 0, 512);
	be16_store(query, 0x1234);
	be16_store(query + 2, 0x0100);
	be16_store(query + 4, 1);
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		query[at++] = (uint8_t)len;
		memcpy(query + at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	at++;
	be16_store(query + at, type);
	be16_store(query + at + 2, 1);
	return at + 4;
}

void ask(struct sandbox *sandbox, const char *name, uint16_t type)
{
	uint8_t query[512];
	const struct packet packet = { .protocol = IPPROTO_UDP,
				       .from = endpoint_of(LINK_GUEST4 ":5353"),
				       .to = endpoint_of(LINK_GATEWAY4 ":53"),
				       .payload = query,
				       .len = put_query(query, name, type) };

	card_send_packet(&sandbox->card, &packet);
}

/* The resolver's answer: rcode in the low byte, the number of records above; -1: none. */
int answered(struct sandbox *sandbox)
{
	struct packet packet;

	if (!card_next_packet(&sandbox->card, &packet) || packet.protocol != IPPROTO_UDP ||
	    packet.len < 12 || be16_load(packet.payload) != 0x1234)
		return -1;
	return (packet.payload[3] & 15) | be16_load(packet.payload + 6) << 8;
}

/* The guest learns the peer's address under this name. */
bool learn(struct sandbox *sandbox, const char *name)
{
	static const char *const addresses[] = { CARD_PEER4 ":0", NULL };

	ask(sandbox, name, 1);
	return answer_query(&sandbox->names, addresses) && answered(sandbox) == ONE_RECORD;
}

bool connects(struct sandbox *sandbox, struct session *session, const char *to)
{
	return session_open(&sandbox->card, session, to, next_port++);
}
