/*
 * Rules as bytes, from the supervisor to the processes that decide. The sender
 * repeats the whole policy at each change; the receiver puts it in force at
 * once when POLICY_END came, never half of it.
 *
 * Frames: POLICY_BEGIN, POLICY_RULE*, POLICY_END; their types are the caller's
 * protocol's (wire/net.h, wire/proxy.h), the payloads are the same.
 */
#ifndef POLICY_ENCODE_H
#define POLICY_ENCODE_H

#include <stdbool.h>

#include "policy/policy.h"
#include "wire/frame.h"

/* Appends a payload of a rule (TLV, tags in encode.c). */
int policy_rule_append(struct buf *buf, uint16_t frame_type, const struct policy_rule *rule);
/* -EPROTO on anything malformed. Finish the rule. */
int policy_rule_decode(const struct frame *frame, struct policy_rule *ret);

/* Gathers rules between begin and end. */
struct policy_reader;
int policy_reader_create(struct policy_reader **ret);
void policy_reader_destroy(struct policy_reader *reader);
void policy_reader_begin(struct policy_reader *reader, bool locked_down);
int policy_reader_rule(struct policy_reader *reader, const struct frame *frame);
/* The new policy, owned by the caller. -EPROTO when a rule was bad: then nothing changes. */
int policy_reader_end(struct policy_reader *reader, struct policy **ret);

#endif
