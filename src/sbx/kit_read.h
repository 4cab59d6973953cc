/* One kit alone, for the commands that look at it, move it or sign it. */
#ifndef SBX_KIT_READ_H
#define SBX_KIT_READ_H

#include "kit/bundle.h"
#include "kit/kit.h"

struct err;
struct kit_options;

/* Everything is owned. */
struct kit_read {
	struct kit_bundle bundle;
	struct kit kit;
};

/*
 * Fetches a kit and holds it against the grammar, with the values that the
 * options give; others than its own are refused. *ret must be finished.
 */
int kit_read(const char *reference, const struct kit_options *options, struct kit_read *ret,
	     struct err *err);
void kit_read_finish(struct kit_read *read);

#endif
