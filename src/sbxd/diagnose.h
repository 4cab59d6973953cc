/*
 * Is everything there that sbx needs, and is every running process locked in
 * as it should be? Read from the host, not from what was asked for.
 */
#ifndef SBXD_DIAGNOSE_H
#define SBXD_DIAGNOSE_H

#include <jansson.h>

struct supervisor;

/* The answer of GET /diagnose; NULL when memory is out. */
json_t *diagnose_all(struct supervisor *supervisor);

#endif
