/* What nghttp2 tells while it receives. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "http2/http2_codec.h"

static struct http2_stream *stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

/* Resets a stream whose message cannot be believed. */
static int malformed(struct http2 *http2, struct http2_stream *stream)
{
	int r = nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id,
					  NGHTTP2_PROTOCOL_ERROR);

	if (stream->is_told && !stream->is_cut) {
		stream->is_cut = true;
		http2->codec.events->cut(http2->codec.owner, &stream->stream, HTTP_CUT_MALFORMED);
	}
	stream->is_cut = true;
	return r == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Frames that move nothing on. */
static bool is_idle(const nghttp2_frame_hd *hd)
{
	switch (hd->type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_PUSH_PROMISE:
	case NGHTTP2_GOAWAY:
	case NGHTTP2_WINDOW_UPDATE:
	case NGHTTP2_CONTINUATION:
		return false;
	case NGHTTP2_DATA:
		return hd->length == 0 && (hd->flags & NGHTTP2_FLAG_END_STREAM) == 0;
	default:
		return true;
	}
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *owner)
{
	struct http2 *http2 = owner;

	(void)session;
	if (is_idle(hd) && !http2_bucket_take(&http2->idle_frames, clock_now_ms()))
		http2_break(http2, NGHTTP2_ENHANCE_YOUR_CALM, "there are too many idle frames");
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
	struct http2 *http2 = owner;
	struct http2_stream *stream;

	if (http2->codec.side != HTTP_SERVER || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = http2_stream_create(http2);
	if (stream == NULL)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	stream->id = frame->hd.stream_id;
	(void)nghttp2_session_set_stream_user_data(session, stream->id, stream);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *owner)
{
	struct http2_stream *stream = stream_of(session, frame->hd.stream_id);
	struct http2 *http2 = owner;
	int r;

	(void)flags;
	if (stream == NULL || stream->is_cut || http2->is_broken)
		return 0;
	r = http2_inbound_add(&stream->in, (const char *)name, name_len, (const char *)value,
			      value_len);
	if (r == -ENOMEM)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return r < 0 ? malformed(http2, stream) : 0;
}

/* nghttp2 would leave such a field out; a message that has one is not believed. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
			     const uint8_t *name, size_t name_len, const uint8_t *value,
			     size_t value_len, uint8_t flags, void *owner)
{
	struct http2_stream *stream = stream_of(session, frame->hd.stream_id);

	(void)name;
	(void)name_len;
	(void)value;
	(void)value_len;
	(void)flags;
	return stream != NULL && !stream->is_cut ? malformed(owner, stream) : 0;
}

static int receive_request(struct http2 *http2, struct http2_stream *stream, bool has_body)
{
	autocall(http_request_finish) struct http_request request;
	int r;

	http_request_init(&request);
	r = http2_inbound_request(&stream->in, http2->scheme, &request);
	if (r == -ENOMEM)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (r < 0)
		return malformed(http2, stream);
	memcpy(stream->method, request.method, sizeof(stream->method));
	stream->has_head = true;
	stream->is_complete = !has_body;
	stream->is_told = true;
	http2->codec.events->request(http2->codec.owner, &stream->stream, &request, has_body);
	return 0;
}

static int receive_response(struct http2 *http2, struct http2_stream *stream, bool has_body)
{
	autocall(http_response_finish) struct http_response response;
	int r;

	http_response_init(&response, 0);
	r = http2_inbound_response(&stream->in, &response);
	if (r < 0 || (response.status < 200 && ++stream->informational > HTTP2_INFORMATIONAL_MAX))
		return malformed(http2, stream);
	stream->has_head = response.status >= 200;
	stream->is_complete = stream->has_head && !has_body;
	http2->codec.events->response(http2->codec.owner, &stream->stream, &response,
				      stream->has_head && has_body);
	return 0;
}

static int receive_end(struct http2 *http2, struct http2_stream *stream)
{
	autocall(http_fields_finish) struct http_fields trailers;

	http_fields_init(&trailers);
	if (http2_inbound_trailers(&stream->in, &trailers) < 0)
		return malformed(http2, stream);
	stream->is_complete = true;
	if (!http2_is_answered(stream))
		http2->codec.events->end(http2->codec.owner, &stream->stream, &trailers);
	return 0;
}

static int receive_headers(struct http2 *http2, struct http2_stream *stream, bool has_more)
{
	if (stream->has_head)
		return has_more ? malformed(http2, stream) : receive_end(http2, stream);
	return http2->codec.side == HTTP_SERVER ? receive_request(http2, stream, has_more)
						: receive_response(http2, stream, has_more);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
	struct http2_stream *stream = stream_of(session, frame->hd.stream_id);
	struct http2 *http2 = owner;
	bool has_more = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0;

	if (stream == NULL || stream->is_cut || http2->is_broken)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS)
		return receive_headers(http2, stream, has_more);
	if (frame->hd.type == NGHTTP2_DATA && !has_more)
		return receive_end(http2, stream);
	return 0;
}

/*
 * A body that goes on after its answer. It passes up to a bound, so that a client
 * that is still sending reads the answer before it sees a reset (RFC 9113 §8.1).
 */
static void swallow(struct http2 *http2, struct http2_stream *stream, size_t len)
{
	bool was_enough = stream->swallowed > HTTP2_SWALLOW_MAX;

	stream->swallowed += len;
	(void)nghttp2_session_consume(http2->session, stream->id, len);
	if (!was_enough && stream->swallowed > HTTP2_SWALLOW_MAX)
		(void)nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id,
						NGHTTP2_NO_ERROR);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t len, void *owner)
{
	struct http2_stream *stream = stream_of(session, id);
	struct http2 *http2 = owner;

	(void)flags;
	if (stream == NULL || stream->is_cut || http2->is_broken) {
		(void)nghttp2_session_consume_connection(session, len);
	} else if (http2_is_answered(stream)) {
		swallow(http2, stream, len);
	} else {
		stream->unconsumed += len;
		http2->codec.events->data(http2->codec.owner, &stream->stream, bytes, len);
	}
	return 0;
}

static enum http_cut cut_of(uint32_t error_code)
{
	if (error_code == NGHTTP2_REFUSED_STREAM)
		return HTTP_CUT_REFUSED;
	if (error_code == NGHTTP2_PROTOCOL_ERROR)
		return HTTP_CUT_MALFORMED;
	return HTTP_CUT_CANCELLED;
}

/*
 * A stream that ends without an answer costs its peer a token, whoever reset it: a
 * peer can make us reset, too. What the owner gave up is not the peer's doing.
 */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *owner)
{
	struct http2_stream *stream = stream_of(session, id);
	struct http2 *http2 = owner;
	bool is_wasted = http2->codec.side == HTTP_SERVER && error_code != NGHTTP2_NO_ERROR &&
			 (stream == NULL || (!stream->is_given_up && !http2_is_answered(stream)));

	if (stream != NULL) {
		(void)nghttp2_session_consume_connection(session, stream->unconsumed);
		http2_stream_end(stream, cut_of(error_code));
	}
	if (is_wasted && !http2_bucket_take(&http2->cuts, clock_now_ms()))
		http2_break(http2, NGHTTP2_ENHANCE_YOUR_CALM, "there are too many resets");
	return 0;
}

void http2_receive_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
