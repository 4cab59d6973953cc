#include "tests/unit/http/again.h"

#include <string.h>

#include "http/http1.h"

enum { WIRE_MAX = 1 << 21 };

static struct http_codec *create(enum http_side side, const struct record *like,
				 struct record *record)
{
	struct http1_config config = { .side = side,
				       .scheme = like->scheme,
				       .is_proxy = like->is_proxy,
				       .events = &record_events,
				       .owner = record };
	struct http_codec *codec = NULL;

	record_init(record);
	if (http1_create(&config, &codec) < 0)
		__builtin_trap();
	return codec;
}

/* The log of the request, as a server understands it that reads what a client wrote. */
static void say_again(const struct http_request *request, bool has_body, const struct record *like,
		      struct buf *ret)
{
	struct record said, understood;
	struct http_codec *client = create(HTTP_CLIENT, like, &said);
	struct http_codec *server = create(HTTP_SERVER, like, &understood);
	struct buf wire;

	buf_init(&wire, WIRE_MAX);
	if (http_open(client, request, has_body, NULL) == NULL)
		__builtin_trap();
	record_drain(client, &wire);
	if (record_feed(server, wire.data, wire.len, wire.len) != (ssize_t)wire.len ||
	    understood.requests != 1)
		__builtin_trap();
	(void)buf_append(ret, understood.log.data, understood.log.len);
	http_destroy(client);
	http_destroy(server);
	record_finish(&said);
	record_finish(&understood);
	buf_finish(&wire);
}

/* What a client adds itself must still fit. */
static bool fits(const struct http_request *request)
{
	size_t target =
		strlen(request->authority) + (request->path != NULL ? strlen(request->path) : 0);

	return request->fields.count <= HTTP_FIELDS_MAX - 4 &&
	       request->fields.bytes + 4 * request->fields.count + 2 * target + 512 <=
		       HTTP_HEAD_MAX;
}

static void on_request(void *owner, struct http_stream *stream, struct http_request *request,
		       bool has_body)
{
	struct record *record = owner;
	size_t start = record->log.len;
	struct buf again;

	buf_init(&again, WIRE_MAX);
	/* A stated length of none is not said for every method; nothing depends on it. */
	if (!has_body)
		request->content_length = 0;
	/* And one that is zero means no body to HTTP/1, nor anything to expect. */
	if (request->content_length == 0) {
		has_body = false;
		request->expects_continue = false;
	}
	if (fits(request))
		say_again(request, has_body, record, &again);
	record_events.request(owner, stream, request, has_body);
	if (again.len > record->log.len - start ||
	    (again.len > 0 && memcmp(again.data, record->log.data + start, again.len) != 0))
		__builtin_trap();
	buf_finish(&again);
}

void again_events(struct http_events *ret)
{
	*ret = record_events;
	ret->request = on_request;
}
