/* Frames of rules as sbx-net and sbx-proxy take them; then the policy is asked. */
#include <assert.h>
#include <stdlib.h>

#include "policy/encode.h"
#include "tests/fuzz/fuzz.h"

static void ask(const struct policy *policy)
{
	struct policy_question questions[] = {
		{ .name = "a.b.example", .port = 443, .protocol = POLICY_TCP },
		{ .name = "a.b.example", .protocol = POLICY_TCP },
		{ .port = 53, .protocol = POLICY_UDP },
		{ .port = 80, .protocol = POLICY_TCP, .method = "GET", .path = "/a/b" },
	};
	struct policy_verdict verdict;

	assert(address_parse("10.1.2.3", &questions[2].address) == 0);
	assert(address_parse("2001:db8::1", &questions[3].address) == 0);
	for (size_t i = 0; i < 4; i++) {
		policy_decide(policy, &questions[i], &verdict);
		assert(verdict.sentence[0] != '\0');
		assert((verdict.decision == POLICY_ALLOW) == (verdict.kind == POLICY_NOT_DENIED));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_reader *reader;
	struct policy *policy = NULL;
	struct frame frame;
	int n;

	assert(policy_reader_create(&reader) == 0);
	policy_reader_begin(reader, size % 2 != 0);
	while ((n = frame_parse(data, size, &frame)) > 0) {
		(void)policy_reader_rule(reader, &frame);
		data += n;
		size -= (size_t)n;
	}
	if (policy_reader_end(reader, &policy) == 0)
		ask(policy);
	policy_destroy(policy);
	policy_reader_destroy(reader);
	return 0;
}
