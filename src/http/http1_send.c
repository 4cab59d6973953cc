/* What goes out: heads, bodies and their ends. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "http/http1_codec.h"
#include "http/http1_write.h"
#include "http/inbound.h"
#include "http/outbound.h"

bool http1_can_open(const struct http_codec *codec)
{
	const struct http1 *http1 = container_of(codec, struct http1, codec);

	return codec->side == HTTP_CLIENT && http1->in == HTTP1_IN_HEAD && !http1->has_stream &&
	       !http1->is_closing;
}

/* RFC 9110 §8.6: these say that they are empty. */
static bool is_lengthy(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	       strcmp(method, "PATCH") == 0;
}

static enum http1_framing request_framing(const struct http_request *request, bool has_body)
{
	if (has_body)
		return request->content_length >= 0 ? HTTP1_LENGTH : HTTP1_CHUNKED;
	return request->content_length == 0 || is_lengthy(request->method) ? HTTP1_LENGTH
									   : HTTP1_NONE;
}

struct http_stream *http1_open(struct http_codec *codec, const struct http_request *request,
			       bool has_body, void *tag)
{
	struct http1 *http1 = container_of(codec, struct http1, codec);
	enum http1_framing framing = request_framing(request, has_body);

	if (!http1_can_open(codec) || (!has_body && request->content_length > 0) ||
	    (has_body && (request->path == NULL || request->upgrade != NULL)))
		return NULL;
	if (http1_write_request(request, framing, http1->is_proxy, outbox_bytes(&http1->outbox)) <
	    0)
		return NULL;
	http1->outbox.has_secret = http_fields_have_secret(&request->fields);
	if (http1_begin(http1, request) < 0) {
		outbox_finish(&http1->outbox);
		return NULL;
	}
	http1->stream.tag = tag;
	http1->out_framing = framing;
	http1->out_left = request->content_length;
	http1->out = has_body ? HTTP1_OUT_BODY : HTTP1_OUT_DONE;
	return &http1->stream;
}

static int answer_interim(struct http1 *http1, const struct http_response *response)
{
	struct http1_answer answer = { .method = http1->method };

	if (response->status == 100)
		http1->awaits_continue = false;
	if (http1->is_old)
		return 0; /* RFC 9110 §15.2: HTTP/1.0 knows no 1xx */
	return http1_write_response(response, &answer, outbox_bytes(&http1->outbox));
}

static int answer_raw(struct http1 *http1, const struct http_response *response)
{
	struct http1_answer answer = { .method = http1->method, .upgrade = http1->upgrade };
	int r = http1_write_response(response, &answer, outbox_bytes(&http1->outbox));

	if (r < 0)
		return r;
	http1->in = HTTP1_IN_RAW;
	http1->out = HTTP1_OUT_RAW;
	http1->persists = false;
	return 0;
}

static enum http1_framing response_framing(const struct http1 *http1,
					   const struct http_response *response, bool has_body)
{
	if (!has_body)
		return HTTP1_NONE;
	if (response->content_length >= 0)
		return HTTP1_LENGTH;
	return http1->is_old ? HTTP1_UNTIL_CLOSE : HTTP1_CHUNKED;
}

static int answer_final(struct http1 *http1, const struct http_response *response, bool has_body)
{
	bool is_dropped = http_is_bodiless(http1->method, response->status);
	enum http1_framing framing = response_framing(http1, response, has_body);
	/* Whoever still waits for 100 may or may not send its body. */
	bool persists = http1->persists && !http1->is_closing && !http1->awaits_continue &&
			(framing != HTTP1_UNTIL_CLOSE || is_dropped);
	struct http1_answer answer = { .method = http1->method,
				       .framing = framing,
				       .close = !persists };
	int r;

	if (!has_body && !is_dropped && response->content_length > 0)
		return -EINVAL;
	r = http1_write_response(response, &answer, outbox_bytes(&http1->outbox));
	if (r < 0)
		return r;
	http1->persists = persists;
	http1->out_framing = framing;
	http1->out_left = response->content_length;
	http1->out_is_dropped = is_dropped;
	http1->out = has_body ? HTTP1_OUT_BODY : HTTP1_OUT_DONE;
	return 0;
}

/* Our message is complete. A request of which nobody knows whether it goes on ends here. */
static void sent_all(struct http1 *http1)
{
	http1->out = HTTP1_OUT_DONE;
	if (http1->codec.side == HTTP_SERVER && http1->in == HTTP1_IN_BODY &&
	    http1->awaits_continue)
		http1_abandon(http1);
}

int http1_respond(struct http_stream *stream, const struct http_response *response, bool has_body)
{
	struct http1 *http1 = http1_of(stream);
	int r;

	if (http1->codec.side != HTTP_SERVER || http1->out != HTTP1_OUT_NONE)
		return -EINVAL;
	if ((strcmp(http1->method, "CONNECT") == 0 && response->status / 100 == 2) ||
	    response->status == 101)
		return answer_raw(http1, response);
	if (response->status < 200)
		return answer_interim(http1, response);
	r = answer_final(http1, response, has_body);
	if (r == 0 && !has_body)
		sent_all(http1);
	return r;
}

/* Bytes of payload that the outbox takes now. */
static size_t room(const struct http1 *http1)
{
	size_t used = outbox_len(&http1->outbox) + HTTP1_CHUNK_HEAD_MAX;

	return used < HTTP1_OUT_MAX ? HTTP1_OUT_MAX - used : 0;
}

static ssize_t send_some(struct http1 *http1, const uint8_t *bytes, size_t len)
{
	struct buf *out = outbox_bytes(&http1->outbox);
	size_t taken = min_of(len, room(http1));
	int r;

	if (taken == 0) {
		http1->wants_room = true;
		return 0;
	}
	if (http1->out == HTTP1_OUT_BODY && http1->out_framing == HTTP1_CHUNKED)
		r = http1_write_chunk(bytes, taken, out);
	else
		r = buf_append(out, bytes, taken);
	if (r < 0)
		return r;
	if (http1->out == HTTP1_OUT_BODY && http1->out_framing == HTTP1_LENGTH)
		http1->out_left -= (int64_t)taken;
	return (ssize_t)taken;
}

ssize_t http1_send(struct http_stream *stream, const uint8_t *bytes, size_t len)
{
	struct http1 *http1 = http1_of(stream);

	if (http1->out != HTTP1_OUT_BODY && http1->out != HTTP1_OUT_RAW)
		return -EPIPE;
	if (len == 0)
		return 0;
	if (http1->out_is_dropped)
		return (ssize_t)len;
	if (http1->out == HTTP1_OUT_BODY && http1->out_framing == HTTP1_LENGTH &&
	    len > (uint64_t)http1->out_left) {
		http1_abandon(http1);
		return -EMSGSIZE;
	}
	return send_some(http1, bytes, len);
}

static int finish_body(struct http1 *http1, const struct http_fields *trailers)
{
	int r = 0;

	if (http1->out_is_dropped)
		return 0;
	switch (http1->out_framing) {
	case HTTP1_NONE:
	case HTTP1_UNTIL_CLOSE:
		break;
	case HTTP1_LENGTH:
		r = http1->out_left > 0 ? -EMSGSIZE : 0;
		break;
	case HTTP1_CHUNKED:
		r = http1_write_last_chunk(trailers, outbox_bytes(&http1->outbox));
		break;
	}
	if (r < 0)
		http1_abandon(http1);
	return r;
}

int http1_finish(struct http_stream *stream, const struct http_fields *trailers)
{
	struct http1 *http1 = http1_of(stream);
	int r;

	switch (http1->out) {
	case HTTP1_OUT_NONE:
		return -EINVAL;
	case HTTP1_OUT_BODY:
		r = finish_body(http1, trailers);
		if (r == 0)
			sent_all(http1);
		return r;
	case HTTP1_OUT_RAW:
		http1->out = HTTP1_OUT_DONE;
		http1->in = HTTP1_IN_FULL;
		return 0;
	case HTTP1_OUT_DONE:
		return 0;
	}
	return -EINVAL;
}

void http1_reject(struct http1 *http1, const struct http1_refusal *refusal)
{
	struct http_response response;
	struct http1_answer answer = { .method = "GET", .framing = HTTP1_LENGTH, .close = true };
	struct buf *out = outbox_bytes(&http1->outbox);

	if (http1->has_stream && http1->out != HTTP1_OUT_NONE)
		return;
	http_response_init(&response, refusal->status);
	response.content_length = (int64_t)strlen(refusal->why) + 1;
	if (http_fields_set(&response.fields, "content-type", "text/plain") == 0 &&
	    http1_write_response(&response, &answer, out) == 0)
		(void)buf_printf(out, "%s\n", refusal->why);
	http_response_finish(&response);
}
