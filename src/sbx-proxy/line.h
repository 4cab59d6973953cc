/*
 * A codec on a channel: received bytes go into the codec, what it says goes
 * out. Holds only what one side did not take yet, and no more than one read of it.
 */
#ifndef SBX_PROXY_LINE_H
#define SBX_PROXY_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct channel;
struct http_codec;

struct line {
	struct channel *channel;  /* weak */
	struct http_codec *codec; /* owned */
	struct buf unread, unsent;
	uint8_t *scratch; /* weak; LINE_STEP bytes, free during a call */
	bool is_read_out; /* no more bytes will come, or the codec wants none */
	bool is_broken;	  /* the connection failed */
};

enum { LINE_STEP = 16384 };

void line_init(struct line *line, struct channel *channel, struct http_codec *codec,
	       uint8_t *scratch);
void line_finish(struct line *line);

/* Moves bytes both ways once; whether anything moved. */
bool line_move(struct line *line);

/* Only what the codec has to say; whether anything moved. */
bool line_flush(struct line *line);

/* Whether nothing more will come of it: close the channel. */
bool line_is_over(const struct line *line);

/* Waits for what would let it go on. */
void line_wait(struct line *line);

#endif
