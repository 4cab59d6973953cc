#include "tests/unit/http/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pair_finish(struct pair *pair)
{
	http_destroy(pair->server);
	http_destroy(pair->client);
	record_finish(&pair->server_side);
	record_finish(&pair->client_side);
}

void request_to(struct http_request *request, const char *method, const char *path)
{
	http_request_init(request);
	(void)snprintf(request->method, sizeof(request->method), "%s", method);
	request->scheme = strdup("http");
	request->authority = strdup("a.example");
	request->path = path != NULL ? strdup(path) : NULL;
}

void replace(char **text, const char *by)
{
	free(*text);
	*text = strdup(by);
}

struct http_stream *open_request(struct pair *pair, struct http_request *request, bool has_body)
{
	struct http_stream *stream = http_open(pair->client, request, has_body, NULL);

	http_request_finish(request);
	return stream;
}

struct http_stream *ask(struct pair *pair, const char *method)
{
	struct http_request request;

	request_to(&request, method, "/x?q");
	return open_request(pair, &request, false);
}

int respond(struct pair *pair, unsigned status, int64_t length, bool has_body)
{
	struct http_response response;

	http_response_init(&response, status);
	response.content_length = length;
	return http_respond(pair->server_side.stream, &response, has_body);
}
