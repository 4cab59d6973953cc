#include "http2/http2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "http2/http2_codec.h"

enum { SEND_HEAD_MAX = 4 * HTTP_HEAD_MAX };

struct http2_stream *http2_stream_create(struct http2 *http2)
{
	struct http2_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return NULL;
	stream->stream.codec = &http2->codec;
	outbox_init(&stream->out, HTTP2_OUT_MAX);
	stream->out_left = -1;
	list_append(&http2->streams, &stream->node);
	http2->open_count++;
	return stream;
}

void http2_stream_end(struct http2_stream *stream, enum http_cut why)
{
	struct http2 *http2 = http2_from(stream->stream.codec);
	const struct http_events *events = http2->codec.events;

	if (stream->is_told && !stream->is_cut && !stream->is_complete &&
	    !http2_is_answered(stream))
		events->cut(http2->codec.owner, &stream->stream, why);
	if (stream->is_told)
		events->gone(http2->codec.owner, &stream->stream);
	list_remove(&stream->node);
	http2->open_count--;
	http2_inbound_finish(&stream->in);
	http_fields_finish(&stream->trailers);
	outbox_finish(&stream->out);
	free(stream);
}

void http2_break(struct http2 *http2, uint32_t error_code, const char *why)
{
	if (http2->is_broken)
		return;
	http2->is_broken = true;
	(void)nghttp2_session_terminate_session(http2->session, error_code);
	http2->codec.events->broken(http2->codec.owner, why);
}

/* nghttp2 has no more say: what was open ends in output(). */
static void die(struct http2 *http2)
{
	http2->is_dead = true;
	http2->pending_len = 0;
}

static ssize_t input(struct http_codec *codec, const uint8_t *bytes, size_t len)
{
	struct http2 *http2 = http2_from(codec);
	ssize_t n;

	if (http2->is_broken || http2->is_dead)
		return (ssize_t)len;
	n = nghttp2_session_mem_recv(http2->session, bytes, len);
	if (n < 0) {
		http2_break(http2, NGHTTP2_INTERNAL_ERROR, nghttp2_strerror((int)n));
		die(http2);
		return n == NGHTTP2_ERR_NOMEM || n == NGHTTP2_ERR_CALLBACK_FAILURE ? -ENOMEM
										   : -EPROTO;
	}
	return http2->is_broken ? -EPROTO : (ssize_t)len;
}

static void input_end(struct http_codec *codec)
{
	die(http2_from(codec));
}

/* All streams that are left, which nghttp2 will not end. */
static void end_streams(struct http2 *http2)
{
	list_for_each (node, next, &http2->streams) {
		struct http2_stream *stream = container_of(node, struct http2_stream, node);

		if (!http2->is_dead)
			(void)nghttp2_session_set_stream_user_data(http2->session, stream->id,
								   NULL);
		http2_stream_end(stream, HTTP_CUT_CLOSED);
	}
}

static void tell_room(struct http2 *http2)
{
	http2->has_room_due = false;
	list_for_each (node, next, &http2->streams) {
		struct http2_stream *stream = container_of(node, struct http2_stream, node);

		if (!stream->has_room_due)
			continue;
		stream->has_room_due = false;
		if (!stream->is_cut)
			http2->codec.events->room(http2->codec.owner, &stream->stream);
	}
}

/* Has something to say; false at the end. */
static bool fetch(struct http2 *http2)
{
	ssize_t n;

	if (http2->pending_len > 0)
		return true;
	if (http2->is_dead || nghttp2_session_want_write(http2->session) == 0)
		return false;
	n = nghttp2_session_mem_send(http2->session, &http2->pending);
	if (n < 0) {
		http2_break(http2, NGHTTP2_INTERNAL_ERROR, nghttp2_strerror((int)n));
		die(http2);
		return false;
	}
	http2->pending_len = (size_t)n;
	return n > 0;
}

static size_t output(struct http_codec *codec, uint8_t *to, size_t room)
{
	struct http2 *http2 = http2_from(codec);
	size_t given = 0;

	while (given < room && fetch(http2)) {
		size_t len = min_of(http2->pending_len, room - given);

		memcpy(to + given, http2->pending, len);
		http2->pending += len;
		http2->pending_len -= len;
		given += len;
	}
	if (http2->has_room_due)
		tell_room(http2);
	if (given == 0 && (http2->is_dead || http2->is_broken))
		end_streams(http2);
	return given;
}

static bool wants_output(const struct http_codec *codec)
{
	const struct http2 *http2 = http2_from(codec);
	bool is_ending = http2->is_dead || http2->is_broken;

	return http2->pending_len > 0 || (is_ending && !list_is_empty(&http2->streams)) ||
	       (!http2->is_dead && nghttp2_session_want_write(http2->session) != 0);
}

static bool is_done(const struct http_codec *codec)
{
	const struct http2 *http2 = http2_from(codec);

	if (!list_is_empty(&http2->streams))
		return false;
	return http2->is_dead || (nghttp2_session_want_read(http2->session) == 0 &&
				  nghttp2_session_want_write(http2->session) == 0);
}

static void cut(struct http_stream *handle, enum http_cut why)
{
	static const uint32_t codes[] = { [HTTP_CUT_CANCELLED] = NGHTTP2_CANCEL,
					  [HTTP_CUT_MALFORMED] = NGHTTP2_PROTOCOL_ERROR,
					  [HTTP_CUT_REFUSED] = NGHTTP2_REFUSED_STREAM,
					  [HTTP_CUT_CLOSED] = NGHTTP2_INTERNAL_ERROR };
	struct http2_stream *stream = http2_stream_from(handle);
	struct http2 *http2 = http2_from(handle->codec);

	if (stream->is_cut)
		return;
	stream->is_cut = true;
	stream->is_given_up = true;
	(void)nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id, codes[why]);
}

static void consumed(struct http_stream *handle, size_t len)
{
	struct http2_stream *stream = http2_stream_from(handle);
	size_t known = min_of(len, stream->unconsumed);

	stream->unconsumed -= known;
	(void)nghttp2_session_consume(http2_from(handle->codec)->session, stream->id, known);
}

static void close_codec(struct http_codec *codec)
{
	struct http2 *http2 = http2_from(codec);
	nghttp2_session *session = http2->session;

	if (http2->is_closing || http2->is_broken || http2->is_dead)
		return;
	http2->is_closing = true;
	(void)nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
				    nghttp2_session_get_last_proc_stream_id(session),
				    NGHTTP2_NO_ERROR, NULL, 0);
}

static void destroy(struct http_codec *codec)
{
	struct http2 *http2 = http2_from(codec);

	list_for_each (node, next, &http2->streams) {
		struct http2_stream *stream = container_of(node, struct http2_stream, node);

		stream->is_cut = true; /* so that only `gone` is heard */
		http2_stream_end(stream, HTTP_CUT_CLOSED);
	}
	nghttp2_session_del(http2->session);
	free(http2->scheme);
	free(http2);
}

static const struct http_codec_impl http2_impl = {
	.name = "h2",
	.input = input,
	.input_end = input_end,
	.output = output,
	.wants_output = wants_output,
	.is_done = is_done,
	.open = http2_open,
	.can_open = http2_can_open,
	.respond = http2_respond,
	.send = http2_send,
	.finish = http2_finish,
	.cut = cut,
	.consumed = consumed,
	.close = close_codec,
	.destroy = destroy,
};

static void set_options(nghttp2_option *option)
{
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_outbound_ack(option, HTTP2_OUTBOUND_ACK_MAX);
	nghttp2_option_set_max_continuations(option, HTTP2_CONTINUATIONS_MAX);
	nghttp2_option_set_max_send_header_block_length(option, SEND_HEAD_MAX);
}

static int create_session(struct http2 *http2)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	int r = nghttp2_session_callbacks_new(&callbacks);

	if (r == 0)
		r = nghttp2_option_new(&option);
	if (r == 0) {
		set_options(option);
		http2_receive_callbacks(callbacks);
		http2_send_callbacks(callbacks);
		r = http2->codec.side == HTTP_SERVER
			    ? nghttp2_session_server_new2(&http2->session, callbacks, http2, option)
			    : nghttp2_session_client_new2(&http2->session, callbacks, http2,
							  option);
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return r == 0 ? 0 : -ENOMEM;
}

/* The same to both sides, but that a server pushes nothing, and clients may not be pushed to. */
static int introduce(struct http2 *http2)
{
	bool is_server = http2->codec.side == HTTP_SERVER;
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, is_server ? HTTP2_STREAMS_MAX : 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
		  is_server ? HTTP2_SERVER_WINDOW : HTTP2_CLIENT_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX },
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
	};
	size_t count = countof(settings) - (is_server ? 1 : 0);

	if (nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings, count) != 0 ||
	    nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
						  HTTP2_CONNECTION_WINDOW) != 0)
		return -ENOMEM;
	return 0;
}

int http2_create(const struct http2_config *config, struct http_codec **ret)
{
	struct http2 *http2 = calloc(1, sizeof(*http2));
	uint64_t now_ms = clock_now_ms();
	int r;

	if (http2 == NULL)
		return -ENOMEM;
	http2->codec = (struct http_codec){ .impl = &http2_impl,
					    .events = config->events,
					    .owner = config->owner,
					    .side = config->side };
	list_init(&http2->streams);
	http2_bucket_init(&http2->idle_frames, HTTP2_IDLE_FRAMES, HTTP2_IDLE_FRAMES_PER_SECOND,
			  now_ms);
	http2_bucket_init(&http2->cuts, HTTP2_CUTS, HTTP2_CUTS_PER_SECOND, now_ms);
	http2->scheme = strdup(config->scheme);
	r = http2->scheme != NULL ? create_session(http2) : -ENOMEM;
	if (r == 0)
		r = introduce(http2);
	if (r < 0) {
		destroy(&http2->codec);
		return r;
	}
	*ret = &http2->codec;
	return 0;
}
