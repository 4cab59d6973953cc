#include "kit/kit.h"

#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "tests/unit/test.h"

#define SANDBOX "schemaVersion: \"2\"\nkind: sandbox\nname: x\n"
#define IMAGE SANDBOX "sandbox: {image: base}\n"
#define MIXIN "schemaVersion: \"2\"\nkind: mixin\nname: x\n"
#define INJECT(members, allow)                                                                   \
	MIXIN "permissions: {network: {allow: [" allow                                           \
	      "]}}\n"                                                                            \
	      "credentials: [{service: s, apiKey: {name: K, inject: [{domain: a.b.com, " members \
	      "}]}}]\n"
#define OAUTH(members) MIXIN "credentials: [{service: s, oauth: {" members "}}]\n"

/* Each rule of the grammar: what is taken, and what is refused with which words. */
static const struct {
	const char *good, *bad, *words;
} rules[] = {
	{ MIXIN, "kind: mixin\nname: x\n", "lacks schemaVersion" },
	{ MIXIN, "schemaVersion: \"3\"\nkind: mixin\nname: x\n", "must be \"2\"" },
	{ IMAGE, "schemaVersion: \"2\"\nkind: agent\nname: x\n", "sandbox or mixin" },
	{ "schemaVersion: \"2\"\nkind: mixin\nname: a-1\n",
	  "schemaVersion: \"2\"\nkind: mixin\nname: a-\n", "made of a-z" },
	{ MIXIN "version: 1.0\n", MIXIN "caps: {}\n", "unknown key 'caps' in the document" },
	{ MIXIN "displayName: X\n", MIXIN "displayName: [X]\n", "must be a string" },
	{ MIXIN "description: X\n", MIXIN "description: {}\n", "must be a string" },
	{ MIXIN "sourceURL: X\n", MIXIN "sourceUrl: X\n", "unknown key 'sourceUrl'" },
	{ MIXIN "licenses: [MIT, ISC]\n", MIXIN "licenses: [MIT, MIT]\n", "names MIT twice" },
	{ MIXIN "locked: [permissions.network]\n", MIXIN "locked: [permissions.]\n", "dots" },
	{ MIXIN "security: {privileged: true}\n", MIXIN "security: {privileged: yes}\n",
	  "true or false" },
	{ MIXIN "args: {a: {default: x}}\n", MIXIN "args: {1a: {default: x}}\n", "must be a name" },
	{ MIXIN "args: {a: {default: x}}\n", MIXIN "args: {a: {default: x, required: true}}\n",
	  "either a default or required" },
	{ MIXIN "args: {a: {default: x}}\n", MIXIN "args: {a: {description: x}}\n",
	  "either a default or required" },
	{ MIXIN "args: {a: {default: x, enum: [x]}}\n",
	  MIXIN "args: {a: {default: x, enum: [y]}}\n", "not in its enum" },
	{ MIXIN "args: {a: {default: x, pattern: '[a-z]'}}\n",
	  MIXIN "args: {a: {default: xx, pattern: '[a-z]'}}\n", "does not match" },
	{ MIXIN "args: {a: {default: x, pattern: x}}\n",
	  MIXIN "args: {a: {default: x, pattern: x, enum: [x]}}\n", "keep one" },
	{ MIXIN "args: {a: {default: x}}\ndescription: ${{ kit.args.a }}\n",
	  MIXIN "description: ${{ kit.args.a }}\n", "'kit.args.a' is not declared" },
	{ MIXIN "args: {a: {default: x}}\n", MIXIN "args: {a: {required: true}}\n",
	  "--kit-arg a=VALUE" },
	{ IMAGE, SANDBOX, "needs sandbox.image" },
	{ SANDBOX "extends: docker.io/a/b\n", MIXIN "extends: docker.io/a/b\n", "extends another" },
	{ SANDBOX "sandbox: {image: a, build: {context: .}}\n",
	  SANDBOX "sandbox: {image: a, build: {file: .}}\n", "unknown key 'file' in build" },
	{ SANDBOX "sandbox: {image: a, entrypoint: [a]}\n",
	  SANDBOX "sandbox: {image: a, entrypoint: a}\n", "entrypoint must be a list" },
	{ SANDBOX "sandbox: {image: a, command: [a]}\n",
	  SANDBOX "sandbox: {image: a, command: a}\n", "command must be" },
	{ SANDBOX "sandbox: {image: a, command: {default: [a], interactive: []}}\n",
	  SANDBOX "sandbox: {image: a, command: {tty: [a]}}\n", "unknown key 'tty' in command" },
	{ SANDBOX "sandbox: {image: a, resources: {cpu: 1.5, memory: 2g}}\n",
	  SANDBOX "sandbox: {image: a, resources: {cpu: -1}}\n", "zero or more" },
	{ SANDBOX "sandbox: {image: a, resources: {memory: 512m}}\n",
	  SANDBOX "sandbox: {image: a, resources: {memory: lots}}\n", "a size" },
	{ MIXIN, MIXIN "sandbox: {image: a}\n", "a mixin has no sandbox" },
	{ MIXIN "mixins: [a]\n", MIXIN "mixins: a\n", "must be a list" },
	{ MIXIN "requires: {agent: claude}\n", IMAGE "requires: {agent: claude}\n",
	  "only a mixin" },
	{ MIXIN "agentInstructions: {filename: A.md, content: x}\n",
	  MIXIN "agentInstructions: {file: A.md}\n", "unknown key 'file'" },
	{ MIXIN "permissions: {network: {allow: ['*.a.com:443'], deny: [b]}}\n",
	  MIXIN "permissions: {network: {allow: ['a b']}}\n", "a host" },
	{ MIXIN "ports: [{container: 80, protocol: tcp, name: web}]\n",
	  MIXIN "ports: [{container: 65536}]\n", "1 to 65535" },
	{ MIXIN "ports: [{container: 1}]\n", MIXIN "ports: [{container: 0}]\n", "1 to 65535" },
	{ MIXIN "ports: [{container: 1, protocol: ''}]\n",
	  MIXIN "ports: [{container: 1, protocol: sctp}]\n", "tcp or udp" },
	{ MIXIN "credentials: [{service: a-b, required: true}]\n",
	  MIXIN "credentials: [{service: a_b}]\n", "made of a-z" },
	{ INJECT("header: X, format: 'Bearer %s'", "a.b.com"),
	  INJECT("header: X, format: '%s %s'", "a.b.com"), "one %s" },
	{ INJECT("scheme: bearer", "'*.b.com'"), INJECT("scheme: digest", "a.b.com"),
	  "bearer or basic" },
	{ INJECT("scheme: basic, username: u", "'**.com'"),
	  INJECT("scheme: bearer, username: u", "a.b.com"), "scheme: basic only" },
	{ INJECT("format: '%s'", "'a.b.com:443'"), INJECT("format: '%s', scheme: basic", "a.b.com"),
	  "either a format or a scheme" },
	{ INJECT("header: X", "'**'"), INJECT("header: X", "b.com"), "is not allowed by" },
	{ INJECT("header: X", "'A.b.com'"), INJECT("header: X", "'*.com'"), "is not allowed by" },
	{ INJECT("header: X", "'a.b.com:*'"), INJECT("header: X", "'a.b.com:80'"),
	  "is not allowed by" },
	{ OAUTH("tokenEndpoint: {host: a.com, path: /t}"), OAUTH("tokenEndpoint: {host: a.com}"),
	  "lacks path" },
	{ OAUTH("credentialFile: {path: a, structure: {b: [1]}}"),
	  OAUTH("credentialFile: {path: a, structure: {}, template: x}"), "either a structure" },
	{ OAUTH("sentinels: {accessToken: a}, passthrough: true"), OAUTH("sentinels: {token: a}"),
	  "unknown key 'token'" },
	{ MIXIN "environment: {variables: {A_B: 1}}\n",
	  MIXIN "environment: {variables: {A-B: 1}}\n", "name of a variable" },
	{ MIXIN "environment: {variables: {LDX: 1}}\n",
	  MIXIN "environment: {variables: {LD_PRELOAD: 1}}\n", "sandbox's own" },
	{ MIXIN "environment: {variables: {PATHS: 1}}\n",
	  MIXIN "environment: {variables: {PATH: 1}}\n", "sandbox's own" },
	{ MIXIN "setup: {install: [{command: make, user: '0'}]}\n",
	  MIXIN "setup: {install: [{command: [make]}]}\n", "must be a string" },
	{ MIXIN "setup: {startup: [{command: [a, b], background: true}]}\n",
	  MIXIN "setup: {startup: [{command: a b}]}\n", "must be a list" },
	{ MIXIN "setup: {files: [{path: /a/b..c, content: x, mode: '0644'}]}\n",
	  MIXIN "setup: {files: [{path: a/b}]}\n", "an absolute path" },
	{ MIXIN "setup: {files: [{path: /a, onlyIfMissing: true}]}\n",
	  MIXIN "setup: {files: [{path: /a/../b}]}\n", "without .." },
	{ MIXIN "setup: {files: [{path: /a, mode: 0600}]}\n",
	  MIXIN "setup: {files: [{path: /a, mode: 0689}]}\n", "octal" },
	{ MIXIN "volumes: [{path: /a, type: tmpfs, size: 1g, mode: 1777}]\n",
	  MIXIN "volumes: [{path: /a, type: nfs}]\n", "tmpfs or empty" },
	{ MIXIN "volumes:\n", MIXIN "volumes: [{size: 1g}]\n", "lacks path" },
};

static int parse(const char *text, const struct kit_values *values, struct kit *ret,
		 struct err *err)
{
	const struct kit_text spec = { .name = "spec.yaml", .bytes = text, .len = strlen(text) };

	return kit_parse(&spec, values, ret, err);
}

TEST(every_rule_takes_and_refuses)
{
	static const struct kit_values none = { .count = 0 };

	for (size_t i = 0; i < countof(rules); i++) {
		struct err err = ERR_INIT;
		struct kit kit;

		if (parse(rules[i].good, &none, &kit, &err) < 0)
			TEST_FAIL_("refused: %s\n# %s", err.text, rules[i].good);
		kit_finish(&kit);
		if (parse(rules[i].bad, &none, &kit, &err) != -EBADMSG)
			TEST_FAIL_("taken: %s", rules[i].bad);
		if (strncmp(err.text, "spec.yaml:", 10) != 0 ||
		    strstr(err.text, rules[i].words) == NULL)
			TEST_FAIL_("'%s' lacks '%s'", err.text, rules[i].words);
	}
}

TEST(arguments_are_replaced)
{
	static const char text[] = MIXIN
		"args: {a: {required: true, enum: [x, 'y: z']}}\n"
		"description: '<${{ kit.args.a }}|$${{ kit.args.a }}>'\n";
	static const char *const items[] = { "a=y: z" }, *const wrong[] = { "a=w" };
	struct kit_values values = { items, 1 };
	struct err err = ERR_INIT;
	struct kit kit;

	CHECK_EQ(parse(text, &values, &kit, &err), 0);
	CHECK_STR(json_string_value(json_object_get(kit.spec, "description")),
		  "<y: z|${{ kit.args.a }}>");
	kit_finish(&kit);
	values.items = wrong;
	CHECK_EQ(parse(text, &values, &kit, &err), -EBADMSG);
}

TEST_MAIN()
