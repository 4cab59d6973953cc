#include <brotli/decode.h>
#include <errno.h>

#include "inflate/format.h"

struct brotli {
	BrotliDecoderState *decoder; /* owned */
};

static int brotli_open(void *state, const struct inflater_config *config)
{
	struct brotli *brotli = state;

	(void)config;
	brotli->decoder = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	return brotli->decoder != NULL ? 0 : -ENOMEM;
}

static int brotli_turn(void *state, struct inflater_turn *turn)
{
	struct brotli *brotli = state;
	size_t room = turn->out_len;
	uint8_t *out = turn->out;
	BrotliDecoderResult result;

	if (turn->begins) { /* nothing may follow */
		turn->out_len = 0;
		turn->is_complete = true;
		return turn->in_len > 0 ? -EBADMSG : 0;
	}
	result = BrotliDecoderDecompressStream(brotli->decoder, &turn->in_len, &turn->in, &room,
					       &out, NULL);
	turn->out_len = (size_t)(out - turn->out);
	turn->is_complete = result == BROTLI_DECODER_RESULT_SUCCESS;
	return result == BROTLI_DECODER_RESULT_ERROR ? -EBADMSG : 0;
}

static void brotli_close(void *state)
{
	struct brotli *brotli = state;

	BrotliDecoderDestroyInstance(brotli->decoder);
}

const struct inflater_format inflater_brotli = {
	.state_size = sizeof(struct brotli),
	.open = brotli_open,
	.turn = brotli_turn,
	.close = brotli_close,
};
