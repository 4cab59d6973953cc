#include "kit/addition.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "kit/kit.h"
#include "tests/unit/test.h"

#define MIXIN "schemaVersion: \"2\"\nkind: mixin\nname: m\n"

TEST(only_what_a_running_sandbox_can_take)
{
	static const struct {
		const char *spec, *words; /* words "": taken */
	} rows[] = {
		{ MIXIN "environment: {variables: {A: 1}}\nsetup: {install: [{command: a}]}\n"
			"permissions: {network: {allow: [a.com]}}\n",
		  "" },
		{ MIXIN "requires: {agent: claude}\nports: []\nsetup: {startup: []}\n"
			"security: {privileged: false}\n",
		  "" },
		{ MIXIN "requires: {agent: codex}\n",
		  "is for the agent 'codex'; this is 'claude'" },
		{ "schemaVersion: \"2\"\nkind: sandbox\nname: s\nsandbox: {image: a}\n",
		  "is a sandbox kit" },
		{ MIXIN "credentials: [{service: s}]\n", "has credentials" },
		{ MIXIN "ports: [{container: 1}]\n", "has ports" },
		{ MIXIN "volumes: [{path: /a}]\n", "has volumes" },
		{ MIXIN "setup: {startup: [{command: [a]}]}\n", "has startup" },
		{ MIXIN "setup: {files: [{path: /a}]}\n", "has files" },
		{ MIXIN "agentInstructions: {content: a}\n", "has agentInstructions" },
		{ MIXIN "security: {privileged: true}\n", "has privileged" },
		{ MIXIN "permissions: {network: {deny: [a.com]}}\n",
		  "has permissions.network.deny" },
	};
	const struct kit_values none = { .count = 0 };

	for (size_t i = 0; i < countof(rows); i++) {
		const struct kit_text text = { .name = "f",
					       .bytes = rows[i].spec,
					       .len = strlen(rows[i].spec) };
		struct kit_bundle bundle = { .count = 0 };
		struct err err = ERR_INIT;
		struct kit kit;
		int got;

		CHECK_EQ(kit_parse(&text, &none, &kit, &err), 0);
		got = addition_check(&bundle, &kit, "claude", &err);
		bundle.count = 1;
		if (got == 0 && addition_check(&bundle, &kit, "claude", &err) != -EINVAL)
			TEST_FAIL_("files are taken");
		kit_finish(&kit);
		if (got != (rows[i].words[0] == '\0' ? 0 : -EINVAL) ||
		    strstr(err.text, rows[i].words) == NULL)
			TEST_FAIL_("row %zu gives %d: %s", i, got, err.text);
	}
}

TEST_MAIN()
