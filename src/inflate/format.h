/* One compression as the inflater sees it. Within inflate/ only. */
#ifndef INFLATE_FORMAT_H
#define INFLATE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inflate/inflater.h"

/* What one call is to do, and did. */
struct inflater_turn {
	const uint8_t *in;
	size_t in_len; /* becomes what is left */
	uint8_t *out;
	size_t out_len; /* becomes what is filled */
	bool begins;	/* a member or frame was complete before */
	bool is_complete;
};

struct inflater_format {
	size_t state_size;						/* zeroed before open */
	int (*open)(void *state, const struct inflater_config *config); /* NULL: nothing to do */
	int (*turn)(void *state, struct inflater_turn *turn);		/* 0, -EBADMSG, -ENOMEM */
	void (*close)(void *state);					/* NULL; also half open */
};

#endif
