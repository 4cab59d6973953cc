#include "envfile/envfile.h"

#include <errno.h>

#include "base/err.h"
#include "tests/unit/test.h"

#define HEAD "schemaVersion: \"1\"\nagent: shell\n"

static struct err err;

/* One file /p/sbxenv.yaml, or with a second text also /p/sub/more.yaml; values end with NULL. */
static int resolve(const char *first, const char *second, const char *const *values, json_t **ret)
{
	const struct envfile_source sources[] = {
		{ .path = "/p/sbxenv.yaml", .bytes = first, .len = strlen(first) },
		{ .path = "/p/sub/more.yaml",
		  .bytes = second,
		  .len = second != NULL ? strlen(second) : 0 },
	};
	struct envfile_request request = { .sources = sources,
					   .count = second != NULL ? 2 : 1,
					   .project = "/p",
					   .values = values };

	while (values != NULL && values[request.values_count] != NULL)
		request.values_count++;
	*ret = NULL;
	err = (struct err)ERR_INIT;
	return envfile_resolve(&request, ret, &err);
}

/* The environment as one line, "" when it is refused; weak until the next call. */
static const char *line(const char *first, const char *second, const char *const *values)
{
	static char text[4096];
	json_t *env;
	char *dumped;

	text[0] = '\0';
	if (resolve(first, second, values, &env) < 0)
		return text;
	dumped = json_dumps(env, JSON_SORT_KEYS | JSON_COMPACT);
	(void)snprintf(text, sizeof(text), "%s", dumped);
	free(dumped);
	json_decref(env);
	return text;
}

TEST(a_small_file)
{
	CHECK_STR(line(HEAD, NULL, NULL), "{\"agent\":\"shell\"}");
	CHECK_STR(line(HEAD "name: demo\nworkspace: .\n", NULL, NULL),
		  "{\"agent\":\"shell\",\"name\":\"demo\",\"workspace\":{\"path\":\"/p\"}}");
}

TEST(paths_are_relative_to_their_file)
{
	CHECK_STR(
		line(HEAD
		     "workspace: {path: src, clone: true}\nadditionalWorkspaces:\n- path: "
		     "/abs\n- path: lib\n  readOnly: true\nkits: [./kit, k.zip, docker.io/x/y]\n"
		     "lifecycle:\n  postCreate:\n  - command: make\n    workdir: sub\n",
		     NULL, NULL),
		"{\"additionalWorkspaces\":[{\"path\":\"/abs\"},{\"path\":\"/p/lib\",\"readOnly\":"
		"true}],\"agent\":\"shell\",\"kits\":[{\"args\":{},\"source\":\"/p/kit\"},{"
		"\"args\":{},\"source\":\"/p/k.zip\"},{\"args\":{},\"source\":\"docker.io/x/"
		"y\"}],\"lifecycle\":{\"postCreate\":[{"
		"\"command\":\"make\",\"workdir\":\"/p/sub\"}]},\"workspace\":{\"clone\":true,"
		"\"path\":\"/p/src\"}}");
}

TEST(files_are_merged_in_order)
{
	CHECK_STR(
		line(HEAD "env: {A: a, B: b}\nports:\n- sandbox: 80\nsandboxOptions: {cpus: 2}\n",
		     HEAD "env: {B: c}\nports:\n- sandbox: 81\nworkspace: x\n", NULL),
		"{\"agent\":\"shell\",\"env\":{\"A\":\"a\",\"B\":\"c\"},\"ports\":[{\"sandbox\":"
		"\"80\"},{\"sandbox\":\"81\"}],\"sandboxOptions\":{\"cpus\":\"2\"},\"workspace\":{"
		"\"path\":\"/p/sub/x\"}}");
}

TEST(a_further_file_needs_no_schema)
{
	CHECK_STR(line(HEAD, "env: {A: b}\n", NULL), "{\"agent\":\"shell\",\"env\":{\"A\":\"b\"}}");
}

TEST(logins_and_where_keys_go)
{
	CHECK_STR(line(HEAD "args: {a-b: {default: x}}\n"
			    "registries: {ghcr.io: {secret: {command: c}, username: {value: me}}}\n"
			    "bindings: {github: {apiKey: {domains: [api.github.com]}}}\n"
			    "secrets: {github: {command: c, snapshot: true, backend: cli}}\n",
		       NULL, NULL),
		  "{\"agent\":\"shell\",\"bindings\":{\"github\":{\"apiKey\":{\"domains\":[\"api."
		  "github.com\"]}}},\"registries\":{\"ghcr.io\":{\"secret\":{\"command\":\"c\"},"
		  "\"username\":{\"value\":\"me\"}}},\"secrets\":{\"github\":{\"backend\":\"cli\","
		  "\"command\":\"c\",\"snapshot\":true}}}");
}

TEST(arguments_and_expressions)
{
	static const char file[] = HEAD
		"args:\n  who: {default: me}\n  ro: {required: true, enum: [\"true\", no]}\n"
		"env:\n  A: hi ${{ env.args.who }} $${{ x }}\n  B: ${{ env.fileDir }}\n"
		"additionalWorkspaces:\n- path: ${{ env.projectDir }}/l\n  readOnly: ${{ "
		"env.args.ro }}\n";
	static const char *const good[] = { "ro=true", NULL };
	static const char *const other[] = { "ro=no", "who=you", NULL };
	static const char *const bad[] = { "ro=maybe", NULL };
	static const char *const unknown[] = { "ro=true", "x=1", NULL };
	static const char *const malformed[] = { "ro", NULL };

	CHECK_STR(line(file, NULL, good),
		  "{\"additionalWorkspaces\":[{\"path\":\"/p/l\",\"readOnly\":true}],\"agent\":"
		  "\"shell\",\"env\":{\"A\":\"hi me ${{ x }}\",\"B\":\"/p\"}}");
	CHECK_STR(line(file, NULL, other), "");
	CHECK(strstr(err.text, "readOnly must be true or false") != NULL);
	CHECK_STR(line(file, NULL, bad), "");
	CHECK_STR(err.text, "the argument 'ro' cannot be 'maybe'");
	CHECK_STR(line(file, NULL, NULL), "");
	CHECK_STR(err.text, "the argument 'ro' needs a value: --env-arg ro=VALUE");
	CHECK_STR(line(file, NULL, unknown), "");
	CHECK_STR(err.text, "no file declares the argument 'x'");
	CHECK_STR(line(file, NULL, malformed), "");
}

TEST(a_value_in_quotes_stays_a_string)
{
	static const char *const values[] = { "c=true", NULL };

	CHECK(*line(HEAD
		    "args: {c: {required: true}}\nworkspace:\n  path: .\n  clone: ${{ env.args.c "
		    "}}\n",
		    NULL, values) != '\0');
	CHECK(*line(HEAD "args: {c: {required: true}}\nworkspace:\n  path: .\n  clone: \"${{ "
			 "env.args.c }}\"\n",
		    NULL, values) == '\0');
}

TEST(a_value_is_not_looked_through_again)
{
	static const char *const values[] = { "c=${{ env.projectDir }}", NULL };

	CHECK_STR(line(HEAD "args: {c: {default: x}}\nenv: {A: \"${{ env.args.c }}\"}\n", NULL,
		       values),
		  "{\"agent\":\"shell\",\"env\":{\"A\":\"${{ env.projectDir }}\"}}");
}

TEST(arguments_are_declared_by_all_files_together)
{
	CHECK_STR(line(HEAD "args: {c: {default: x}}\nenv: {A: \"${{ env.args.c }}\"}\n",
		       HEAD "args: {c: {default: y, pattern: \"[a-z]\"}}\n", NULL),
		  "{\"agent\":\"shell\",\"env\":{\"A\":\"y\"}}");
}

TEST(what_is_wrong_is_refused_with_its_place)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "agent: shell\n", "no file says its schema" },
		{ "schemaVersion: \"2\"\nagent: x\n", "must be \"1\"" },
		{ "schemaVersion: \"1\"\n", "no file says which agent runs" },
		{ HEAD "nonsense: 1\n", "/p/sbxenv.yaml:3:1: unknown key 'nonsense'" },
		{ HEAD "name: default\n", "2 to 63 letters" },
		{ HEAD "env: {1x: y}\n", "the name of a variable" },
		{ HEAD "env: {A: \"${{ kit.args.x }}\"}\n", "/p/sbxenv.yaml:3:" },
		{ HEAD "env: {A: \"${{ env.args.x }}\"}\n", "env.args.x" },
		{ HEAD "ports:\n- host: 80\n", "lacks sandbox" },
		{ HEAD "ports:\n- {sandbox: 80, protocol: icmp}\n", "tcp, udp" },
		{ HEAD "ports:\n- sandbox: 70000\n", "a port, 1 to 65535" },
		{ HEAD "workspace: {path: ., more: 1}\n", "unknown key 'more'" },
		{ HEAD "workspace: [a]\n", "workspace must be" },
		{ HEAD "kits: {a: b}\n", "kits must be a list" },
		{ HEAD "kits: [{args: {a: b}}]\n", "a kit must be" },
		{ HEAD "kits: [{source: x, args: {a: [b]}}]\n", "must be a string" },
		{ HEAD "args: {a: {default: x, required: true}}\n", "one of default and required" },
		{ HEAD "args: {a: {default: x, enum: [x], pattern: x}}\n",
		  "both enum and pattern" },
		{ HEAD "args: {\"1a\": {default: x}}\n", "sbxenv.yaml:3" },
		{ HEAD "secrets: {github: {value: x, command: y}}\n", "one of value, ref and" },
		{ HEAD "secrets: {github: {refresh: 1h}}\n", "one of value, ref and" },
		{ HEAD "secrets: {github: {command: x, snapshot: true, refresh: 1h}}\n",
		  "is a snapshot" },
		{ HEAD "secrets: {github: {ref: op://a, backend: app}}\n", "sdk or cli" },
		{ HEAD "registries: {ghcr.io: {username: {value: me}}}\n", "lacks secret" },
		{ HEAD "registries: {ghcr.io: {secret: {}}}\n", "secret of the registry" },
		{ HEAD "registries: {ghcr.io: {secret: {value: x}, username: {}}}\n",
		  "username of the registry" },
		{ HEAD "bindings: {github: {apiKey: {}}}\n", "lacks domains" },
		{ HEAD "bindings: {github: {apiKey: {domains: [\"a b\"]}}}\n", "a host" },
		{ HEAD "mcp: {servers: [{name: x}]}\n", "one of url and command" },
		{ HEAD "sandboxOptions: {skills: some}\n", "off, readonly" },
		{ HEAD "sandboxOptions: {gpu: 1}\n", "true or false" },
		{ HEAD "lifecycle: {initialize: [{name: x}]}\n", "lacks command" },
		{ HEAD "lifecycle: {initialize: [{command: x, timeout: soon}]}\n", "a span" },
		{ HEAD "a: &x 1\nb: *x\n", "sbxenv.yaml:3" },
		{ HEAD "agent: other\n", "sbxenv.yaml:3" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CHECK_STR(line(rows[i].text, NULL, NULL), "");
		if (strstr(err.text, rows[i].says) == NULL)
			CHECK_STR(err.text, rows[i].says);
	}
}

TEST(the_defaults_of_a_user_are_bounded)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ HEAD "workspace: ${{ env.projectDir }}\n", 0 },
		{ HEAD "workspace: ${{ env.projectDir }}/src\n", 0 },
		{ HEAD "workspace: ${{ env.projectDir }}/../x\n", -EBADMSG },
		{ HEAD "workspace: .\n", -EBADMSG },
		{ HEAD "name: mine\n", -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct envfile_source source = { .path = "/home/u/.sbxenv.yaml",
						       .bytes = rows[i].text,
						       .len = strlen(rows[i].text),
						       .is_default = true };
		const struct envfile_request request = { .sources = &source,
							 .count = 1,
							 .project = "/p" };
		json_t *env = NULL;

		CHECK_EQ(envfile_resolve(&request, &env, &err), rows[i].want);
		json_decref(env);
	}
}

TEST_MAIN()
