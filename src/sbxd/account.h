/*
 * What sbx takes of this machine's disk: blocks that files really have
 * (st_blocks), each file once, whoever shares it.
 */
#ifndef SBXD_ACCOUNT_H
#define SBXD_ACCOUNT_H

#include <jansson.h>
#include <stdint.h>

struct err;
struct supervisor;

/* What all below a folder takes. */
uint64_t account_bytes(const char *folder);

/* The answer of GET /df (docs/api.md). */
int account_take(struct supervisor *supervisor, json_t **ret, struct err *err);

#endif
