#include <errno.h>
#include <zstd.h>

#include "inflate/format.h"

struct zstd {
	ZSTD_DStream *stream; /* owned */
};

static int zstd_open(void *state, const struct inflater_config *config)
{
	struct zstd *zstd = state;

	zstd->stream = ZSTD_createDStream();
	if (zstd->stream == NULL)
		return -ENOMEM;
	return ZSTD_isError(ZSTD_DCtx_setParameter(zstd->stream, ZSTD_d_windowLogMax,
						   (int)config->window_log_max))
		       ? -EINVAL
		       : 0;
}

/* Several frames may follow one another (RFC 8878 §3). */
static int zstd_turn(void *state, struct inflater_turn *turn)
{
	struct zstd *zstd = state;
	ZSTD_inBuffer in = { turn->in, turn->in_len, 0 };
	ZSTD_outBuffer out = { turn->out, turn->out_len, 0 };
	size_t left = ZSTD_decompressStream(zstd->stream, &out, &in);

	if (ZSTD_isError(left))
		return -EBADMSG;
	turn->in += in.pos;
	turn->in_len -= in.pos;
	turn->out_len = out.pos;
	turn->is_complete = left == 0;
	return 0;
}

static void zstd_close(void *state)
{
	struct zstd *zstd = state;

	(void)ZSTD_freeDStream(zstd->stream);
}

const struct inflater_format inflater_zstd = {
	.state_size = sizeof(struct zstd),
	.open = zstd_open,
	.turn = zstd_turn,
	.close = zstd_close,
};
