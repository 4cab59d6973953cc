/*
 * A sandbox for the tests of sbx-net: the program with a card, a policy, a
 * resolver of the host that answers as it is told, and a server outside.
 */
#ifndef TESTS_UNIT_SBX_NET_SANDBOX_H
#define TESTS_UNIT_SBX_NET_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/sbx-net/card.h"

extern const char *no_world; /* why the tests cannot run here, or NULL */

/* A socket bound (and listening) at `where`; its endpoint as text. -1 on failure. */
int bound_socket(int type, const char *where, char ret_text[ENDPOINT_TEXT_MAX]);
bool is_readable(int fd, int timeout_ms);
/* The next connection; -1: none came in time. */
int accepted(int listener);

/* The host's resolver. */
struct name_server {
	int fd;
	char text[ENDPOINT_TEXT_MAX];
};

/* Answers the next query with addresses ("1.2.3.4:0"), ended by NULL. */
bool answer_query(const struct name_server *server, const char *const *addresses);

struct sandbox {
	struct card card;
	struct name_server names;
	int server; /* listens at CARD_PEER4 */
	char server_text[ENDPOINT_TEXT_MAX];
};

bool sandbox_start(struct sandbox *sandbox, const char *const *rules);
/* The same with no policy told yet. */
bool sandbox_start_bare(struct sandbox *sandbox);
bool sandbox_stop(struct sandbox *sandbox);

#define WITH_SANDBOX(name, ...)                                    \
	struct sandbox name;                                       \
	static const char *const name##_rules[] = { __VA_ARGS__ }; \
	if (no_world != NULL)                                      \
		SKIP(no_world);                                    \
	CHECK(sandbox_start(&(name), name##_rules))

size_t put_query(uint8_t query[512], const char *name, uint16_t type);

/* The guest asks its resolver. */
void ask(struct sandbox *sandbox, const char *name, uint16_t type);

enum { RCODE_REFUSED = 5, ONE_RECORD = 1 << 8 };

/* The answer: rcode in the low byte, the number of records above; -1: none. */
int answered(struct sandbox *sandbox);

/* The guest learns the peer's address under this name. */
bool learn(struct sandbox *sandbox, const char *name);

/* The guest connects, from a port of its own; false: it was reset. */
bool connects(struct sandbox *sandbox, struct session *session, const char *to);

#endif
