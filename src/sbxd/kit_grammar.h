/* What a resolved kit may hold, and how much of it. */
#ifndef SBXD_KIT_GRAMMAR_H
#define SBXD_KIT_GRAMMAR_H

#include "sbxd/kit_shape.h"

extern const struct shape kit_grammar[];

#endif
