#include "http/http1.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/http1_codec.h"

static struct http1 *http1_from(const struct http_codec *codec)
{
	return container_of(codec, struct http1, codec);
}

int http1_begin(struct http1 *http1, const struct http_request *request)
{
	char *upgrade = request->upgrade != NULL ? strdup(request->upgrade) : NULL;

	if (request->upgrade != NULL && upgrade == NULL)
		return -ENOMEM;
	(void)snprintf(http1->method, sizeof(http1->method), "%s", request->method);
	http1->upgrade = upgrade;
	http1->stream = (struct http_stream){ .codec = &http1->codec };
	http1->has_stream = true;
	http1->is_cut = false;
	http1->persists = true;
	http1->is_old = false;
	http1->awaits_continue = false;
	http1->wants_room = false;
	http1->unconsumed = 0;
	http1->swallowed = 0;
	http1->informational = 0;
	http1->out = HTTP1_OUT_NONE;
	http1->out_is_dropped = false;
	return 0;
}

void http1_abandon(struct http1 *http1)
{
	http1->in = HTTP1_IN_DEAF;
	http1->out = HTTP1_OUT_DONE;
	http1->is_cut = true;
	http1->persists = false;
}

static bool is_over(const struct http1 *http1)
{
	return http1->has_stream &&
	       (http1->is_cut || (http1->in == HTTP1_IN_FULL && http1->out == HTTP1_OUT_DONE));
}

static void end_exchange(struct http1 *http1)
{
	bool goes_on = http1->persists && !http1->is_closing && !http1->is_cut;

	http1->codec.events->gone(http1->codec.owner, &http1->stream);
	http1->has_stream = false;
	http1->out = HTTP1_OUT_NONE;
	http1->in = goes_on ? HTTP1_IN_HEAD : HTTP1_IN_DEAF;
	http1_body_finish(&http1->body);
	http1_body_init(&http1->body, HTTP1_NONE, 0);
	free(http1->upgrade);
	http1->upgrade = NULL;
}

static ssize_t input(struct http_codec *codec, const uint8_t *bytes, size_t len)
{
	return http1_receive(http1_from(codec), bytes, len);
}

static void input_end(struct http_codec *codec)
{
	http1_receive_end(http1_from(codec));
}

static size_t output(struct http_codec *codec, uint8_t *to, size_t room)
{
	struct http1 *http1 = http1_from(codec);
	size_t len = outbox_take(&http1->outbox, to, room);

	if (outbox_len(&http1->outbox) > 0)
		return len;
	if (is_over(http1)) {
		end_exchange(http1);
	} else if (http1->wants_room) {
		http1->wants_room = false;
		codec->events->room(codec->owner, &http1->stream);
	}
	return len;
}

static bool wants_output(const struct http_codec *codec)
{
	const struct http1 *http1 = http1_from(codec);

	return outbox_len(&http1->outbox) > 0 || is_over(http1);
}

static bool is_done(const struct http_codec *codec)
{
	const struct http1 *http1 = http1_from(codec);

	return http1->in == HTTP1_IN_DEAF && !http1->has_stream;
}

static void cut(struct http_stream *stream, enum http_cut why)
{
	(void)why; /* HTTP/1 can only end the connection */
	http1_abandon(http1_of(stream));
}

static void consumed(struct http_stream *stream, size_t len)
{
	struct http1 *http1 = http1_of(stream);

	http1->unconsumed -= min_of(len, http1->unconsumed);
}

static void close_codec(struct http_codec *codec)
{
	struct http1 *http1 = http1_from(codec);

	http1->is_closing = true;
	if (!http1->has_stream)
		http1->in = HTTP1_IN_DEAF;
}

static void destroy(struct http_codec *codec)
{
	struct http1 *http1 = http1_from(codec);

	if (http1->has_stream)
		end_exchange(http1);
	http1_section_finish(&http1->head);
	http1_body_finish(&http1->body);
	outbox_finish(&http1->outbox);
	free(http1->scheme);
	free(http1);
}

static const struct http_codec_impl http1_impl = {
	.name = "http/1.1",
	.input = input,
	.input_end = input_end,
	.output = output,
	.wants_output = wants_output,
	.is_done = is_done,
	.open = http1_open,
	.can_open = http1_can_open,
	.respond = http1_respond,
	.send = http1_send,
	.finish = http1_finish,
	.cut = cut,
	.consumed = consumed,
	.close = close_codec,
	.destroy = destroy,
};

int http1_create(const struct http1_config *config, struct http_codec **ret)
{
	struct http1 *http1 = calloc(1, sizeof(*http1));

	if (http1 == NULL)
		return -ENOMEM;
	http1->codec = (struct http_codec){ .impl = &http1_impl,
					    .events = config->events,
					    .owner = config->owner,
					    .side = config->side };
	http1->is_proxy = config->is_proxy;
	http1_section_init(&http1->head, HTTP_HEAD_MAX);
	http1_body_init(&http1->body, HTTP1_NONE, 0);
	outbox_init(&http1->outbox, HTTP1_OUT_MAX + 4 * HTTP_HEAD_MAX);
	http1->scheme = strdup(config->scheme);
	if (http1->scheme == NULL) {
		destroy(&http1->codec);
		return -ENOMEM;
	}
	*ret = &http1->codec;
	return 0;
}
