/* The grammar of kits, schema version 2: the rows of the whole file. */
#ifndef KIT_GRAMMAR_H
#define KIT_GRAMMAR_H

#include "kit/rule.h"

extern const struct rule grammar_v2[];

#endif
