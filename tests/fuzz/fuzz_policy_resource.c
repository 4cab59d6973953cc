/* A resource of a rule: what is read can be written and is then read the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "policy/policy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_question question = { .name = "a.b.example",
						  .port = 443,
						  .protocol = POLICY_TCP };
	struct policy_resource resource, again;
	char first[POLICY_RESOURCE_MAX], second[POLICY_RESOURCE_MAX];
	char *text = strndup((const char *)data, size);
	struct err err = ERR_INIT;

	assert(text != NULL);
	if (policy_resource_parse(text, &resource, &err) < 0) {
		assert(err.text[0] != '\0');
		free(text);
		return 0;
	}
	policy_resource_format(&resource, first);
	assert(policy_resource_parse(first, &again, &err) == 0);
	policy_resource_format(&again, second);
	assert(strcmp(first, second) == 0);
	assert(policy_resource_matches(&resource, &question) ==
	       policy_resource_matches(&again, &question));
	policy_resource_finish(&resource);
	policy_resource_finish(&again);
	free(text);
	return 0;
}
