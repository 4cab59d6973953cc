#include "tests/unit/http/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { RECORD_MAX = 8 << 20, PUMP_MAX = 1 << 20 };

#define LOG(record, ...)                                               \
	do {                                                           \
		if (!(record)->is_quiet)                               \
			(void)buf_printf(&(record)->log, __VA_ARGS__); \
	} while (0)

static void log_fields(struct record *record, const struct http_fields *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		LOG(record, "  %s: %s\n", fields->items[i].name, fields->items[i].value);
}

static void answer(struct http_stream *stream)
{
	struct http_response response;

	http_response_init(&response, 204);
	(void)http_respond(stream, &response, false);
	http_response_finish(&response);
}

static void on_request(void *owner, struct http_stream *stream, struct http_request *request,
		       bool has_body)
{
	struct record *record = owner;

	record->requests++;
	record->stream = stream;
	(void)snprintf(record->url, sizeof(record->url), "%s://%s%s", request->scheme,
		       request->authority, request->path != NULL ? request->path : "");
	LOG(record, "request %s %s length %lld%s%s%s\n", request->method, record->url,
	    (long long)request->content_length, has_body ? " body" : "",
	    request->expects_continue ? " expects" : "",
	    request->upgrade != NULL ? " upgrade" : "");
	log_fields(record, &request->fields);
	if (record->answers && !has_body)
		answer(stream);
}

static void on_response(void *owner, struct http_stream *stream, struct http_response *response,
			bool has_body)
{
	struct record *record = owner;

	record->responses++;
	record->stream = stream;
	LOG(record, "response %u length %lld%s\n", response->status,
	    (long long)response->content_length, has_body ? " body" : "");
	log_fields(record, &response->fields);
}

static void on_data(void *owner, struct http_stream *stream, const uint8_t *bytes, size_t len)
{
	struct record *record = owner;

	LOG(record, "data %zu\n", len);
	(void)buf_append(&record->body, bytes, len);
	if (record->holds)
		record->held += len;
	else
		http_consumed(stream, len);
}

static void on_end(void *owner, struct http_stream *stream, struct http_fields *trailers)
{
	struct record *record = owner;

	LOG(record, "end\n");
	log_fields(record, trailers);
	if (record->answers)
		answer(stream);
}

static void on_cut(void *owner, struct http_stream *stream, enum http_cut why)
{
	static const char *const names[] = { [HTTP_CUT_CANCELLED] = "cancelled",
					     [HTTP_CUT_MALFORMED] = "malformed",
					     [HTTP_CUT_REFUSED] = "refused",
					     [HTTP_CUT_CLOSED] = "closed" };
	struct record *record = owner;

	(void)stream;
	LOG(record, "cut %s\n", names[why]);
}

static void on_room(void *owner, struct http_stream *stream)
{
	(void)stream;
	LOG((struct record *)owner, "room\n");
}

static void on_gone(void *owner, struct http_stream *stream)
{
	struct record *record = owner;

	if (record->stream == stream)
		record->stream = NULL;
	record->gone++;
	LOG(record, "gone\n");
}

static void on_broken(void *owner, const char *why)
{
	struct record *record = owner;

	(void)snprintf(record->why, sizeof(record->why), "%s", why);
	LOG(record, "broken\n");
}

const struct http_events record_events = {
	.request = on_request,
	.response = on_response,
	.data = on_data,
	.end = on_end,
	.cut = on_cut,
	.room = on_room,
	.gone = on_gone,
	.broken = on_broken,
};

void record_init(struct record *record)
{
	*record = (struct record){ .stream = NULL };
	buf_init(&record->log, RECORD_MAX);
	buf_init(&record->body, RECORD_MAX);
}

void record_finish(struct record *record)
{
	buf_finish(&record->log);
	buf_finish(&record->body);
}

const char *record_take(struct record *record)
{
	const char *text = buf_str(&record->log);

	buf_clear(&record->log);
	return text;
}

ssize_t record_feed(struct http_codec *codec, const void *bytes, size_t len, size_t step)
{
	const uint8_t *at = bytes;
	size_t taken = 0;

	while (taken < len) {
		size_t piece = min_of(step, len - taken);
		/* Allocated to its length, so that a byte too far is seen. */
		uint8_t *exact = malloc(piece);
		ssize_t n;

		memcpy(exact, at + taken, piece);
		n = http_input(codec, exact, piece);
		free(exact);
		if (n < 0)
			return n;
		taken += (size_t)n;
		if (n == 0)
			break;
	}
	return (ssize_t)taken;
}

void record_drain(struct http_codec *codec, struct buf *to)
{
	while (http_wants_output(codec)) {
		uint8_t piece[1000];

		(void)buf_append(to, piece, http_output(codec, piece, sizeof(piece)));
	}
}

/* One direction; true when a byte moved. */
static bool carry(struct http_codec *from, struct http_codec *to, struct buf *line, size_t step)
{
	size_t before = line->len;
	ssize_t n;

	record_drain(from, line);
	n = record_feed(to, line->data, line->len, step);
	if (n > 0)
		buf_consume(line, (size_t)n);
	else if (n < 0)
		buf_clear(line);
	return before != line->len || n > 0;
}

void record_pump(struct http_codec *a, struct http_codec *b, size_t step)
{
	struct buf there, back;
	bool moved = true;

	buf_init(&there, PUMP_MAX);
	buf_init(&back, PUMP_MAX);
	while (moved) {
		moved = carry(a, b, &there, step);
		moved |= carry(b, a, &back, step);
	}
	buf_finish(&there);
	buf_finish(&back);
}
