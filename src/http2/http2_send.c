/* What goes out: heads, bodies through a bounded outbox each, trailers, resets. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "http/inbound.h"
#include "http2/http2_codec.h"

/* The last bytes were given: trailers, if there are any, end the stream instead. */
static int end_data(struct http2 *http2, struct http2_stream *stream, uint32_t *flags)
{
	struct http2_fields fields;
	int r;

	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (stream->trailers.count == 0)
		return 0;
	r = http2_fields_trailers(&stream->trailers, &fields);
	if (r == 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		r = nghttp2_submit_trailer(http2->session, stream->id, fields.items, fields.count);
	}
	http2_fields_finish(&fields);
	return r == 0 ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static ssize_t read_data(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
			 uint32_t *flags, nghttp2_data_source *source, void *owner)
{
	struct http2 *http2 = owner;
	struct http2_stream *stream = source->ptr;
	size_t len = outbox_take(&stream->out, to, room);

	(void)session;
	(void)id;
	if (stream->wants_room && outbox_len(&stream->out) < HTTP2_OUT_MAX / 2) {
		stream->wants_room = false;
		stream->has_room_due = true;
		http2->has_room_due = true;
	}
	if (outbox_len(&stream->out) == 0 && stream->is_finished) {
		int r = end_data(http2, stream, flags);

		return r < 0 ? r : (ssize_t)len;
	}
	if (len > 0)
		return (ssize_t)len;
	stream->is_deferred = true;
	return NGHTTP2_ERR_DEFERRED;
}

/* nghttp2 itself found the peer at fault, and has said so. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *owner)
{
	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
		http2_break(owner, frame->goaway.error_code,
			    nghttp2_http2_strerror(frame->goaway.error_code));
	return 0;
}

void http2_send_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
}

/* Of the peer's SETTINGS and ours. */
bool http2_can_open(const struct http_codec *codec)
{
	const struct http2 *http2 = http2_from(codec);
	uint32_t allowed;

	if (codec->side != HTTP_CLIENT || http2->is_closing || http2->is_broken || http2->is_dead ||
	    nghttp2_session_check_request_allowed(http2->session) == 0)
		return false;
	allowed = nghttp2_session_get_remote_settings(http2->session,
						      NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	return http2->open_count < min_of(allowed, (uint32_t)HTTP2_OPEN_MAX);
}

static int submit_request(struct http2_stream *stream, const struct http_request *request,
			  bool has_body)
{
	struct http2 *http2 = http2_from(stream->stream.codec);
	nghttp2_data_provider body = { .source.ptr = stream, .read_callback = read_data };
	struct http2_fields fields;
	int r = http2_fields_request(request, &fields);

	if (r == 0) {
		stream->id = nghttp2_submit_request(http2->session, NULL, fields.items,
						    fields.count, has_body ? &body : NULL, stream);
		r = stream->id < 0 ? -EINVAL : 0;
		http2_fields_finish(&fields);
	}
	return r;
}

struct http_stream *http2_open(struct http_codec *codec, const struct http_request *request,
			       bool has_body, void *tag)
{
	struct http2 *http2 = http2_from(codec);
	struct http2_stream *stream;

	if (!http2_can_open(codec) || (!has_body && request->content_length > 0))
		return NULL;
	stream = http2_stream_create(http2);
	if (stream == NULL)
		return NULL;
	stream->stream.tag = tag;
	stream->is_finished = !has_body;
	stream->out_left = has_body ? request->content_length : 0;
	if (submit_request(stream, request, has_body) < 0) {
		http2_stream_end(stream, HTTP_CUT_CANCELLED);
		return NULL;
	}
	(void)snprintf(stream->method, sizeof(stream->method), "%s", request->method);
	stream->is_told = true;
	return &stream->stream;
}

/* Informational ones leave the stream as it is. */
static int submit_response(struct http2_stream *stream, const struct http_response *response,
			   bool has_data)
{
	struct http2 *http2 = http2_from(stream->stream.codec);
	nghttp2_data_provider body = { .source.ptr = stream, .read_callback = read_data };
	struct http2_fields fields;
	int r = http2_fields_response(response, &fields);

	if (r < 0)
		return r;
	if (response->status < 200)
		r = nghttp2_submit_headers(http2->session, NGHTTP2_FLAG_NONE, stream->id, NULL,
					   fields.items, fields.count, NULL);
	else
		r = nghttp2_submit_response(http2->session, stream->id, fields.items, fields.count,
					    has_data ? &body : NULL);
	http2_fields_finish(&fields);
	return r < 0 ? -EINVAL : 0;
}

int http2_respond(struct http_stream *handle, const struct http_response *response, bool has_body)
{
	struct http2_stream *stream = http2_stream_from(handle);
	bool is_dropped = http_is_bodiless(stream->method, response->status);
	int r;

	if (handle->codec->side != HTTP_SERVER || stream->has_answer || stream->is_cut ||
	    (!has_body && !is_dropped && response->content_length > 0))
		return -EINVAL;
	r = submit_response(stream, response, has_body && !is_dropped);
	if (r < 0 || response->status < 200)
		return r;
	stream->has_answer = true;
	stream->is_dropped = is_dropped;
	stream->is_finished = !has_body;
	stream->out_left = has_body ? response->content_length : 0;
	return 0;
}

/* Gives a stream up that our own side cannot complete. */
static int give_up(struct http2_stream *stream, int code)
{
	http_cut(&stream->stream, HTTP_CUT_CANCELLED);
	return code;
}

static void resume(struct http2_stream *stream)
{
	if (!stream->is_deferred)
		return;
	stream->is_deferred = false;
	(void)nghttp2_session_resume_data(http2_from(stream->stream.codec)->session, stream->id);
}

static bool may_send(const struct http2_stream *stream)
{
	bool is_client = stream->stream.codec->side == HTTP_CLIENT;

	return !stream->is_cut && !stream->is_finished && (is_client || stream->has_answer);
}

ssize_t http2_send(struct http_stream *handle, const uint8_t *bytes, size_t len)
{
	struct http2_stream *stream = http2_stream_from(handle);
	size_t used = outbox_len(&stream->out), taken;
	int r;

	if (!may_send(stream))
		return -EPIPE;
	if (stream->is_dropped)
		return (ssize_t)len;
	if (stream->out_left >= 0 && len > (uint64_t)stream->out_left)
		return give_up(stream, -EMSGSIZE);
	taken = used < HTTP2_OUT_MAX ? min_of(len, HTTP2_OUT_MAX - used) : 0;
	if (taken == 0) {
		stream->wants_room = len > 0;
		return 0;
	}
	r = buf_append(outbox_bytes(&stream->out), bytes, taken);
	if (r < 0)
		return r;
	if (stream->out_left >= 0)
		stream->out_left -= (int64_t)taken;
	resume(stream);
	return (ssize_t)taken;
}

static int keep_trailers(struct http2_stream *stream, const struct http_fields *trailers)
{
	if (http_trailers_check(trailers) < 0)
		return -EINVAL;
	for (size_t i = 0; i < trailers->count; i++) {
		const struct http_field *field = &trailers->items[i];
		int r = http_fields_add(&stream->trailers, field->name, field->value,
					field->value_len);

		if (r < 0)
			return r;
	}
	return 0;
}

int http2_finish(struct http_stream *handle, const struct http_fields *trailers)
{
	struct http2_stream *stream = http2_stream_from(handle);
	int r = 0;

	if (stream->is_finished)
		return 0;
	if (!may_send(stream))
		return stream->is_cut ? -EPIPE : -EINVAL;
	if (!stream->is_dropped && stream->out_left > 0)
		return give_up(stream, -EMSGSIZE);
	if (trailers != NULL && !stream->is_dropped)
		r = keep_trailers(stream, trailers);
	if (r < 0)
		return give_up(stream, r);
	stream->is_finished = true;
	resume(stream);
	return 0;
}
