#include "kit/addition.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "kit/kit.h"

static bool is_empty(const json_t *value)
{
	return value == NULL || json_is_false(value) ||
	       (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0);
}

int addition_check(const struct kit_bundle *bundle, const struct kit *kit, const char *agent,
		   struct err *err)
{
	static const struct {
		const char *key, *below;
	} rows[] = {
		{ "credentials", NULL },       { "ports", NULL },      { "volumes", NULL },
		{ "agentInstructions", NULL }, { "setup", "startup" }, { "setup", "files" },
		{ "security", "privileged" },
	};
	const json_t *permissions = json_object_get(kit->spec, "permissions");
	const char *wanted =
		json_string_value(json_object_get(json_object_get(kit->spec, "requires"), "agent"));
	const char *what = NULL;

	if (!kit_is_mixin(kit))
		return err_set(
			err, -EINVAL,
			"'%s' is a sandbox kit; only a mixin is added to a sandbox that is there",
			kit_name(kit));
	if (wanted != NULL && strcmp(wanted, agent) != 0)
		return err_set(err, -EINVAL, "the kit '%s' is for the agent '%s'; this is '%s'",
			       kit_name(kit), wanted, agent);
	for (size_t i = 0; i < countof(rows) && what == NULL; i++) {
		const json_t *member = json_object_get(kit->spec, rows[i].key);

		if (rows[i].below != NULL)
			member = json_object_get(member, rows[i].below);
		if (!is_empty(member))
			what = rows[i].below != NULL ? rows[i].below : rows[i].key;
	}
	if (!is_empty(json_object_get(json_object_get(permissions, "network"), "deny")))
		what = "permissions.network.deny";
	if (bundle->count > 0)
		what = "files";
	if (what == NULL)
		return 0;
	return err_set(
		err, -EINVAL,
		"the kit '%s' has %s, which can be added only when a sandbox is made: sbx run "
		"AGENT --kit REF",
		kit_name(kit), what);
}
