/*
 * A client's and a server's codec, each with a record as its owner; and requests
 * and responses in one line.
 */
#ifndef TESTS_UNIT_HTTP_PAIR_H
#define TESTS_UNIT_HTTP_PAIR_H

#include "http/message.h"
#include "tests/unit/http/record.h"

struct pair {
	struct record server_side, client_side;
	struct http_codec *server, *client; /* owned, the case sets them */
};

void pair_finish(struct pair *pair);

/* A request for http://a.example with this path (NULL: none), to be finished. */
void request_to(struct http_request *request, const char *method, const char *path);

/* Puts another string in the place of an owned one. */
void replace(char **text, const char *by);

/* Opens and finishes the request. */
struct http_stream *open_request(struct pair *pair, struct http_request *request, bool has_body);

/* The same, of a request without fields and body for /x?q. */
struct http_stream *ask(struct pair *pair, const char *method);

/* Answers the latest request of the server. */
int respond(struct pair *pair, unsigned status, int64_t length, bool has_body);

#endif
