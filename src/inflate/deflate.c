#include <errno.h>
#include <zlib.h>

#include "inflate/format.h"

/* zlib's own words for what header is expected, added to the size of the window. */
enum { GZIP_ONLY = 16, GZIP_OR_ZLIB = 32 };

static int open_as(z_stream *zlib, int header)
{
	return inflateInit2(zlib, header + MAX_WBITS) == Z_OK ? 0 : -ENOMEM;
}

static int gzip_open(void *state, const struct inflater_config *config)
{
	(void)config;
	return open_as(state, GZIP_ONLY);
}

static int deflate_open(void *state, const struct inflater_config *config)
{
	(void)config;
	return open_as(state, GZIP_OR_ZLIB);
}

/* gzip may have several members, one after the other (RFC 1952 §2.2). */
static int deflate_turn(void *state, struct inflater_turn *turn)
{
	z_stream *zlib = state;
	size_t room = turn->out_len;
	int status;

	if (turn->begins && turn->in_len > 0 && inflateReset(zlib) != Z_OK)
		return -EBADMSG;
	zlib->next_in = (z_const Bytef *)turn->in;
	zlib->avail_in = (uInt)turn->in_len;
	zlib->next_out = turn->out;
	zlib->avail_out = (uInt)room;
	status = inflate(zlib, Z_NO_FLUSH);
	turn->in = zlib->next_in;
	turn->in_len = zlib->avail_in;
	turn->out_len = room - zlib->avail_out;
	turn->is_complete = status == Z_STREAM_END;
	if (status == Z_MEM_ERROR)
		return -ENOMEM;
	return status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR ? 0 : -EBADMSG;
}

static void deflate_close(void *state)
{
	(void)inflateEnd(state);
}

const struct inflater_format inflater_gzip = {
	.state_size = sizeof(z_stream),
	.open = gzip_open,
	.turn = deflate_turn,
	.close = deflate_close,
};

const struct inflater_format inflater_deflate = {
	.state_size = sizeof(z_stream),
	.open = deflate_open,
	.turn = deflate_turn,
	.close = deflate_close,
};
