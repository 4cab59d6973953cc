/* A file of the policy store: what is taken holds rules that all can be compiled. */
#include <assert.h>

#include "base/err.h"
#include "sbxd/policy_rules.h"
#include "sbxd/policy_scope.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_list list = { .items = NULL };
	struct err err = ERR_INIT;
	json_t *json = NULL;
	const json_t *rule;
	size_t i;

	if (scope_parse((const char *)data, size, &json, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	json_array_foreach(json_object_get(json, "rules"), i, rule)
	{
		assert(stored_rule_expand(rule, true, &list, &err) == 0);
	}
	rule_list_finish(&list);
	json_decref(json);
	return 0;
}
