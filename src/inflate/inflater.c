#include "inflate/inflater.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "inflate/format.h"

enum { BLOCK = 32768 };

struct inflater {
	struct inflater_config config;
	uint64_t bytes_in, bytes_out;
	bool is_complete; /* the format's own end was seen */
	bool is_empty;	  /* nothing was fed yet */
	uint8_t block[BLOCK];
	_Alignas(max_align_t) uint8_t state[]; /* of the format */
};

int inflater_create(const struct inflater_config *config, struct inflater **ret)
{
	struct inflater *inflater = calloc(1, sizeof(*inflater) + config->format->state_size);
	int r = 0;

	if (inflater == NULL)
		return -ENOMEM;
	inflater->config = *config;
	inflater->is_empty = true;
	if (config->format->open != NULL)
		r = config->format->open(inflater->state, config);
	if (r < 0) {
		inflater_destroy(inflater);
		return r;
	}
	*ret = inflater;
	return 0;
}

void inflater_destroy(struct inflater *inflater)
{
	size_t state_size;

	if (inflater == NULL)
		return;
	state_size = inflater->config.format->state_size;
	if (inflater->config.format->close != NULL)
		inflater->config.format->close(inflater->state);
	explicit_bzero(inflater, sizeof(*inflater) + state_size);
	free(inflater);
}

static bool is_bomb(const struct inflater *inflater)
{
	const struct inflater_config *config = &inflater->config;

	return config->ratio_max > 0 && inflater->bytes_out > config->free_bytes &&
	       inflater->bytes_out / config->ratio_max > inflater->bytes_in;
}

/* One block; *ret: whether there may be more without more coming in. */
static int feed_block(struct inflater *inflater, struct inflater_turn *turn, inflater_sink *sink,
		      void *context, bool *ret)
{
	size_t had = turn->in_len;
	int r;

	turn->out = inflater->block;
	turn->out_len = BLOCK;
	turn->begins = inflater->is_complete;
	r = inflater->config.format->turn(inflater->state, turn);
	if (r < 0)
		return r;
	inflater->bytes_in += had - turn->in_len;
	inflater->bytes_out += turn->out_len;
	inflater->is_complete = turn->is_complete || (inflater->is_complete && had == 0);
	if (is_bomb(inflater))
		return -E2BIG;
	*ret = turn->out_len == BLOCK || turn->in_len > 0;
	if (*ret && turn->out_len == 0 && turn->in_len == had)
		return -EBADMSG; /* neither in nor out: it goes nowhere */
	return turn->out_len > 0 ? sink(context, inflater->block, turn->out_len) : 0;
}

/* At most INT_MAX bytes: as much as every library takes at once. */
static int feed_part(struct inflater *inflater, const uint8_t *bytes, size_t len,
		     inflater_sink *sink, void *context)
{
	struct inflater_turn turn = { .in = bytes, .in_len = len };
	bool more = len > 0;
	int r = 0;

	while (r == 0 && more)
		r = feed_block(inflater, &turn, sink, context, &more);
	return r;
}

int inflater_feed(struct inflater *inflater, const uint8_t *bytes, size_t len, bool end,
		  inflater_sink *sink, void *context)
{
	int r = 0;

	inflater->is_empty = inflater->is_empty && len == 0;
	while (r == 0 && len > 0) {
		size_t part = min_of(len, (size_t)INT_MAX);

		r = feed_part(inflater, bytes, part, sink, context);
		bytes += part;
		len -= part;
	}
	if (r == 0 && end && !inflater->is_complete && !inflater->is_empty)
		r = -EBADMSG;
	return r;
}
