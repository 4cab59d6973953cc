#include <string.h>

#include "base/check.h"
#include "inflate/format.h"

static int plain_turn(void *state, struct inflater_turn *turn)
{
	size_t len = min_of(turn->in_len, turn->out_len);

	(void)state;
	if (len > 0)
		memcpy(turn->out, turn->in, len);
	turn->in += len;
	turn->in_len -= len;
	turn->out_len = len;
	turn->is_complete = true;
	return 0;
}

const struct inflater_format inflater_plain = { .turn = plain_turn };
