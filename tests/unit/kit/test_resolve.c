#include "kit/resolve.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

#define HEAD(kind, name) "schemaVersion: \"2\"\nkind: " kind "\nname: " name "\n"
#define SANDBOX(name) HEAD("sandbox", name)
#define MIXIN(name) HEAD("mixin", name)

/* The world: kits by their reference. */
static const struct {
	const char *reference, *spec;
	const char *path, *content; /* one file; or NULL */
	bool is_builtin;
} kits[] = {
	{ .reference = "base",
	  .is_builtin = true,
	  .spec = SANDBOX("base") "version: 1.0\n"
				  "sandbox: {image: shell, entrypoint: [bash], command: [-l]}\n"
				  "environment: {variables: {A: base, B: base}}\n"
				  "permissions: {network: {allow: [a.com]}}\n"
				  "setup: {install: [{command: first}]}\n"
				  "volumes: [{path: /v, size: 1k}]\n",
	  .path = "home/f",
	  .content = "base" },
	{ .reference = "child",
	  .spec = SANDBOX(
		  "child") "extends: base\n"
			   "args: {who: {default: you}}\n"
			   "sandbox: {command: {interactive: [-i]}}\n"
			   "environment: {variables: {A: '${{ kit.args.who }}'}}\n"
			   "permissions: {network: {allow: [a.com, b.com:80], deny: [c.com]}}\n"
			   "setup: {install: [{command: second, user: '1000'}]}\n"
			   "agentInstructions: {filename: X.md, content: hello}\n",
	  .path = "home/f",
	  .content = "${{ kit.args.who }} $${{ kit.args.who }} ${{ other }}" },
	{ .reference = "mixin",
	  .spec = MIXIN("mixin") "args: {who: {default: me}}\n"
				 "environment: {variables: {B: '${{ kit.args.who }}'}}\n"
				 "credentials: [{service: s, apiKey: {name: K, inject: [{domain: "
				 "d.com, scheme: bearer}]}}]\n"
				 "permissions: {network: {allow: [d.com]}}\n"
				 "volumes: [{path: /v, size: 2k}]\n"
				 "ports: [{container: 80}]\n"
				 "security: {privileged: true}\n"
				 "agentInstructions: {content: note}\n",
	  .path = "workspace/w",
	  .content = "w" },
	{ .reference = "other",
	  .spec = MIXIN("other") "credentials: [{service: s, apiKey: {name: L}}]\n" },
	{ .reference = "same",
	  .spec = MIXIN("same") "credentials: [{service: s, apiKey: {name: K, inject: [{domain: "
				"d.com, header: Authorization, format: 'Bearer %s'}]}}]\n"
				"permissions: {network: {allow: [d.com]}}\n" },
	{ .reference = "locker", .spec = MIXIN("locker") "locked: [environment.variables]\n" },
	{ .reference = "older",
	  .spec = "schemaVersion: \"1\"\nkind: mixin\nname: older\nenvironment: {variables: {A: "
		  "1}}\n" },
	{ .reference = "silent", .spec = MIXIN("silent") "environment: {variables: {}}\n" },
	{ .reference = "for-base", .spec = MIXIN("for-base") "requires: {agent: base}\n" },
	{ .reference = "for-none", .spec = MIXIN("for-none") "requires: {agent: none}\n" },
	{ .reference = "twin", .spec = MIXIN("base") },
	{ .reference = "loop-a", .spec = SANDBOX("loop-a") "extends: loop-b\n" },
	{ .reference = "loop-b", .spec = SANDBOX("loop-b") "extends: loop-a\n" },
	{ .reference = "of-mixin", .spec = SANDBOX("of-mixin") "extends: mixin\n" },
	{ .reference = "deep-0", .spec = SANDBOX("deep-0") "extends: deep-1\n" },
	{ .reference = "deep-1", .spec = SANDBOX("deep-1") "extends: deep-2\n" },
	{ .reference = "deep-2", .spec = SANDBOX("deep-2") "extends: deep-3\n" },
	{ .reference = "deep-3", .spec = SANDBOX("deep-3") "extends: deep-4\n" },
	{ .reference = "deep-4", .spec = SANDBOX("deep-4") "extends: deep-5\n" },
	{ .reference = "deep-5", .spec = SANDBOX("deep-5") "extends: deep-6\n" },
	{ .reference = "deep-6", .spec = SANDBOX("deep-6") "extends: base\n" },
	{ .reference = "wrong-file",
	  .spec = MIXIN("wrong-file"),
	  .path = "home/x",
	  .content = "${{ kit.args.none }}" },
	{ .reference = "folder", .spec = MIXIN("folder"), .path = "home/f/g", .content = "" },
};

static int fetch(void *context, const char *reference, const struct kit_bundle *from,
		 struct kit_bundle *ret, struct err *err)
{
	(void)context;
	(void)from;
	for (size_t i = 0; i < countof(kits); i++) {
		if (strcmp(kits[i].reference, reference) != 0)
			continue;
		if (kit_bundle_init(ret, reference) < 0 ||
		    buf_append(&ret->spec, kits[i].spec, strlen(kits[i].spec)) < 0)
			return -ENOMEM;
		ret->is_builtin = kits[i].is_builtin;
		return kits[i].path == NULL ? 0
					    : kit_bundle_add(ret, kits[i].path, kits[i].content,
							     strlen(kits[i].content), err);
	}
	return err_set(err, -ENOENT, "there is no kit '%s'", reference);
}

static const struct kit_fetch world = { .fetch = fetch };

enum { MIXINS = 3 };

static int resolve(const char *base, const char *const mixins[MIXINS], const char *value,
		   struct resolved_kit *ret, struct err *err)
{
	struct resolve_request request = { .base = base,
					   .mixins = mixins,
					   .values = { &value, value != NULL } };

	while (request.mixins_count < MIXINS && mixins[request.mixins_count] != NULL)
		request.mixins_count++;
	return kit_resolve(&request, &world, ret, err);
}

static void check_json(const json_t *got, const char *want)
{
	json_t *wanted = json_loads(want, JSON_DECODE_ANY, NULL);
	char *text = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
	bool is_equal = json_equal(got, wanted) == 1;

	if (!is_equal) {
		printf("# %s\n# is not %s\n", text, want);
		test_failed = true;
	}
	json_decref(wanted);
	free(text);
}

TEST(a_line_of_kits_and_a_mixin)
{
	static const struct {
		const char *member, *want;
	} rows[] = {
		{ "name", "\"child\"" },
		{ "version", "\"\"" },
		{ "image", "\"shell\"" },
		{ "entrypoint", "[\"bash\"]" },
		{ "command", "[\"-l\"]" },
		{ "interactive", "[\"-i\"]" },
		{ "env", "{\"A\":\"us\",\"B\":\"us\"}" },
		{ "network",
		  "{\"allow\":[\"a.com\",\"b.com:80\",\"d.com\"],\"deny\":[\"c.com\"]}" },
		{ "install",
		  "[{\"command\":\"first\",\"user\":\"0\",\"description\":\"\"},"
		  "{\"command\":\"second\",\"user\":\"1000\",\"description\":\"\"}]" },
		{ "volumes", "[{\"path\":\"/v\",\"type\":\"\",\"size\":2048}]" },
		{ "ports", "[{\"container\":80,\"protocol\":\"tcp\",\"name\":\"\"}]" },
		{ "instructions", "{\"filename\":\"X.md\",\"content\":\"hello\"}" },
		{ "memories", "[{\"kit\":\"mixin\",\"content\":\"note\"}]" },
		{ "privileged", "true" },
		{ "kits", "[\"base@1.0\",\"child\",\"mixin\"]" },
		{ "credentials",
		  "[{\"service\":\"s\",\"required\":false,\"api_key\":{\"env\":\"K\",\"inject\":"
		  "[{\"domain\":\"d.com\",\"header\":\"Authorization\",\"format\":\"Bearer "
		  "%s\"}]}}]" },
	};
	autocall(resolved_kit_finish) struct resolved_kit resolved = { .kit = NULL };
	struct err err = ERR_INIT;

	CHECK_EQ(resolve("child", (const char *[MIXINS]){ "mixin" }, "who=us", &resolved, &err), 0);
	for (size_t i = 0; i < countof(rows); i++)
		check_json(json_object_get(resolved.kit, rows[i].member), rows[i].want);
	CHECK_EQ(json_array_size(resolved.strangers), 2);
	check_json(json_object_get(json_array_get(resolved.strangers, 1), "asks"),
		   "[\"network access to d.com\",\"the credential 's', sent to d.com\",\"port 80 "
		   "published on this machine's loopback address\",\"privileged processes inside "
		   "the sandbox\"]");
	CHECK(memmem(resolved.files.data, resolved.files.len, "us ${{ kit.args.who }} ${{ other }}",
		     35) != NULL);
	CHECK(memmem(resolved.files.data, resolved.files.len, "workspace/w", 11) != NULL);
}

TEST(values_for_one_kit_beat_values_for_all)
{
	autocall(resolved_kit_finish) struct resolved_kit resolved = { .kit = NULL };
	struct err err = ERR_INIT;

	CHECK_EQ(resolve("child", (const char *[MIXINS]){ "mixin" }, "mixin.who=us", &resolved,
			 &err),
		 0);
	check_json(json_object_get(resolved.kit, "env"), "{\"A\":\"you\",\"B\":\"us\"}");
}

TEST(the_digest_is_of_everything)
{
	static const char *const nothing[MIXINS] = { NULL };
	struct resolved_kit one, again, other;
	struct err err = ERR_INIT;
	bool is_same, differs;

	CHECK_EQ(resolve("child", nothing, NULL, &one, &err), 0);
	CHECK_EQ(resolve("child", nothing, NULL, &again, &err), 0);
	CHECK_EQ(resolve("child", nothing, "who=x", &other, &err), 0);
	is_same = json_equal(one.kit, again.kit) && one.files.len == again.files.len &&
		  memcmp(one.files.data, again.files.data, one.files.len) == 0;
	differs = !json_equal(json_object_get(one.kit, "digest"),
			      json_object_get(other.kit, "digest"));
	resolved_kit_finish(&one);
	resolved_kit_finish(&again);
	resolved_kit_finish(&other);
	CHECK(is_same);
	CHECK(differs);
}

TEST(what_does_not_go_together)
{
	static const struct {
		const char *base, *mixins[MIXINS], *value;
		int want;
		const char *words;
	} rows[] = {
		{ "base", { "mixin", "same" }, NULL, 0, "" },
		{ "base",
		  { "mixin", "other" },
		  NULL,
		  -EBADMSG,
		  "other/spec.yaml:4:15: the credential 's' is asked for in another way at "
		  "mixin/spec.yaml:6:15" },
		{ "child", { "for-base" }, NULL, 0, "" },
		{ "base",
		  { "for-none" },
		  NULL,
		  -EBADMSG,
		  "for-none/spec.yaml:4:12: the kit 'for-none' is for the agent 'none'; this is "
		  "'base', at base/spec.yaml:3:1" },
		{ "base", { "locker" }, NULL, 0, "" },
		{ "base", { "mixin", "locker" }, NULL, 0, "" },
		{ "base",
		  { "locker", "mixin" },
		  NULL,
		  -EBADMSG,
		  "mixin/spec.yaml:5:15: environment.variables is locked by the kit 'locker', at "
		  "locker/spec.yaml:4:10" },
		{ "base",
		  { "twin" },
		  NULL,
		  -EBADMSG,
		  "twin/spec.yaml:3:1: a kit called 'base' is there already, at "
		  "base/spec.yaml:3:1" },
		{ "mixin", { NULL }, NULL, -EINVAL, "is a mixin; give it to an agent" },
		{ "base", { "child" }, NULL, -EINVAL, "is a sandbox kit, and a sandbox has one" },
		{ "loop-a", { NULL }, NULL, -ELOOP, "the kit 'loop-a' extends itself" },
		{ "of-mixin", { NULL }, NULL, -EBADMSG, "only a sandbox kit can be extended" },
		{ "deep-1", { NULL }, NULL, -ELOOP, "more than 5 kits" },
		{ "deep-2", { NULL }, NULL, 0, "" },
		{ "none", { NULL }, NULL, -ENOENT, "there is no kit 'none'" },
		{ "base", { NULL }, "who=x", -EINVAL, "no kit here has the argument 'who'" },
		{ "child", { NULL }, "mixin.who=x", -EINVAL, "has the argument 'mixin.who'" },
		{ "child", { NULL }, "who", -EINVAL, "write NAME=VALUE" },
		{ "base",
		  { "wrong-file" },
		  NULL,
		  -EBADMSG,
		  "wrong-file: files/home/x: 'kit.args.none' is not declared" },
		{ "base",
		  { "folder" },
		  NULL,
		  -EBADMSG,
		  "files/home/f is a file in the kit base and a folder in folder" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct resolved_kit resolved = { .kit = NULL };
		struct err err = ERR_INIT;
		int got = resolve(rows[i].base, rows[i].mixins, rows[i].value, &resolved, &err);

		resolved_kit_finish(&resolved);
		if (got != rows[i].want || strstr(err.text, rows[i].words) == NULL)
			TEST_FAIL_("row %zu gives %d: %s", i, got, err.text);
	}
}

TEST_MAIN()
