/* A policy file of the user: every rule of one that is taken can be told to others. */
#include <assert.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/encode.h"
#include "policy/preset.h"
#include "tests/fuzz/fuzz.h"

static void check_rule(const struct policy_rule *rule)
{
	struct policy_rule again;
	struct frame frame;
	struct buf buf;

	buf_init(&buf, 1 << 16);
	assert(policy_rule_append(&buf, 1, rule) == 0);
	assert(frame_parse(buf.data, buf.len, &frame) > 0);
	assert(policy_rule_decode(&frame, &again) == 0);
	policy_rule_finish(&again);
	buf_finish(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct preset preset;
	struct err err = ERR_INIT;

	if (preset_parse((const char *)data, size, POLICY_FROM_USER, &preset, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	for (size_t i = 0; i < preset.count; i++)
		check_rule(&preset.rules[i]);
	preset_finish(&preset);
	return 0;
}
