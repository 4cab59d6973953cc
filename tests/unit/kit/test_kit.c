/*
 * The grammar, rule by rule: the files of rules/, whose parts begin with a line
 * "=== takes" or "=== refuses WORDS". A first line @mixin, @sandbox or @image
 * (of version 2), @mixin1 or @mixin3 stands for what every such file begins with.
 */
#include "kit/kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/grammar.h"
#include "tests/unit/test.h"
#include "yaml/scalar.h"

#define SANDBOX "schemaVersion: \"2\"\nkind: sandbox\nname: x\n"
#define MIXIN "schemaVersion: \"2\"\nkind: mixin\nname: x\n"

static const struct {
	const char *word, *text;
} heads[] = {
	{ "@mixin\n", MIXIN },
	{ "@sandbox\n", SANDBOX },
	{ "@image\n", SANDBOX "sandbox: {image: base}\n" },
	{ "@mixin1\n", "schemaVersion: \"1\"\nkind: mixin\nname: x\n" },
	{ "@mixin3\n", "schemaVersion: \"3\"\nkind: mixin\n" },
};

static const struct kit_values no_values = { .count = 0 };

static int parse(const char *text, const struct kit_values *values, struct kit *ret,
		 struct err *err)
{
	const struct kit_text spec = {
		.name = "spec.yaml", .handle = "x", .bytes = text, .len = strlen(text)
	};

	return kit_parse(&spec, values, ret, err);
}

/* What one part stands for; owned by the caller. */
static char *expanded(const char *part)
{
	char *text = NULL;

	for (size_t i = 0; i < countof(heads); i++)
		if (strncmp(part, heads[i].word, strlen(heads[i].word)) == 0 &&
		    asprintf(&text, "%s%s", heads[i].text, part + strlen(heads[i].word)) < 0)
			return NULL;
	return text != NULL ? text : strdup(part);
}

/* Rows of the grammars that a part which is taken has, and what all refusals say. */
static const struct rule *taken[512];
static size_t taken_count;
static struct buf refusals;

static bool is_taken(const struct rule *rule)
{
	for (size_t i = 0; i < taken_count; i++)
		if (taken[i] == rule)
			return true;
	return false;
}

/* Grammars are no deeper than they are written. */
static void mark(const struct rule *rules, const struct node *node)
{
	node_for_each (member, node) {
		const struct rule *row = rules;

		while (row->key != NULL &&
		       (member->key == NULL || strcmp(row->key, member->key) != 0))
			row++;
		if (row->key == NULL || node_is_null(member))
			continue;
		if (!is_taken(row) && taken_count < countof(taken))
			taken[taken_count++] = row;
		if (row->members == NULL)
			continue;
		if (member->kind == NODE_MAPPING && row->kind != RULE_TABLE)
			mark(row->members, member);
		node_for_each (item, member)
			if (item->kind == NODE_MAPPING && row->kind != RULE_MEMBERS)
				mark(row->members, item);
	}
}

static const struct rule *const grammars[] = { grammar_v1, grammar_v2, grammar_v3 };

/* file: its first character is the version. */
static void mark_text(const char *file, const char *text)
{
	autocall(document_finish) struct document document = { .root = NULL };
	struct err err = ERR_INIT;

	if (document_parse(file, text, strlen(text), &document, &err) == 0)
		mark(grammars[file[0] - '1'], document.root);
}

/* How an image of version 3 is made from its parts: never in what is read, and refused there. */
static bool is_of_authors(const struct rule *rule)
{
	static const char *const keys[] = { "build", "dockerfile", "kits" };

	for (size_t i = 0; i < countof(keys); i++)
		for (const struct rule *row = grammar_v3; row->key != NULL; row++)
			if (row == rule && strcmp(row->key, keys[i]) == 0)
				return true;
	return false;
}

/* Every row, and those within, that no part has or no refusal names; RULE_ANY takes all. */
static size_t count_bare(const struct rule *rules, const char *version)
{
	size_t bare = 0;

	for (; rules->key != NULL; rules++) {
		bool is_refused =
			rules->kind == RULE_ANY || strstr(buf_str(&refusals), rules->key) != NULL;

		if (is_of_authors(rules) ? !is_refused : !is_taken(rules) || !is_refused) {
			printf("# %s: %s is never %s\n", version, rules->key,
			       is_taken(rules) ? "refused" : "taken");
			bare++;
		}
		if (rules->members != NULL && !is_of_authors(rules))
			bare += count_bare(rules->members, rules->key);
	}
	return bare;
}

/* title: "takes" or "refuses WORDS". */
static bool holds(const char *file, const char *title, const char *part)
{
	autofree char *text = expanded(part);
	struct err err = ERR_INIT;
	struct kit kit;
	int r = parse(text, &no_values, &kit, &err);

	if (r == 0) {
		kit_finish(&kit);
		mark_text(file, text);
	} else {
		(void)buf_printf(&refusals, "%s\n", err.text);
	}
	if (strcmp(title, "takes") == 0
		    ? r == 0
		    : r == -EBADMSG && strncmp(err.text, "spec.yaml:", 10) == 0 &&
			      strstr(err.text, title + strlen("refuses ")) != NULL)
		return true;
	printf("# %s: not so: %s\n# it says: %s\n# %s\n", file, title, err.text, text);
	return false;
}

static size_t check_file(const char *name, char *text, bool *all)
{
	char *part = strstr(text, "=== ");
	size_t count = 0;

	while (part != NULL) {
		char *title = part + strlen("=== "), *body = strchr(title, '\n');

		*body++ = '\0';
		part = strstr(body, "\n=== ");
		if (part != NULL)
			*++part = '\0';
		*all &= holds(name, title, body);
		if (part != NULL)
			*part = '=';
		count++;
	}
	return count;
}

TEST(every_rule_takes_and_refuses)
{
	struct dirent **names;
	int files = scandir(RULES, &names, NULL, alphasort);
	size_t count = 0;
	bool all = true;

	buf_init(&refusals, 1 << 20);
	for (int i = 0; i < files; i++) {
		autocall(buf_finish) struct buf content;
		autofree char *path = NULL;

		buf_init(&content, 1 << 20);
		if (names[i]->d_name[0] != '.' &&
		    asprintf(&path, RULES "/%s", names[i]->d_name) > 0 &&
		    file_read(AT_FDCWD, path, &content) == 0 && buf_str(&content) != NULL)
			count += check_file(names[i]->d_name, (char *)content.data, &all);
		free(names[i]);
	}
	free(names);
	CHECK(all);
	CHECK(count > 200);
	CHECK_EQ(count_bare(grammar_v1, "1") + count_bare(grammar_v2, "2") +
			 count_bare(grammar_v3, "3"),
		 0);
	buf_finish(&refusals);
}

static void check_member(const struct kit *kit, const char *member, const char *want)
{
	json_t *wanted = json_loads(want, JSON_DECODE_ANY, NULL);
	char *got = json_dumps(json_object_get(kit->spec, member), JSON_COMPACT | JSON_ENCODE_ANY);

	if (!json_equal(json_object_get(kit->spec, member), wanted)) {
		printf("# %s is %s\n# not %s\n", member, got, want);
		test_failed = true;
	}
	json_decref(wanted);
	free(got);
}

TEST(version_1_in_the_words_of_version_2)
{
	static const char text[] =
		"schemaVersion: \"1\"\nkind: agent\nname: old\n"
		"agent: {image: i, aiFilename: O.md, persistence: ephemeral,\n"
		"  entrypoint: {run: [o, -v], args: [-t], ttyArgs: []},\n"
		"  resources: {cpu: 1.5, memoryMB: 512}}\n"
		"memory: hello\n"
		"network: {allowedDomains: [a.com], serviceDomains: {a.com: svc, o.com: login},\n"
		"  serviceAuth: {svc: {headerName: X-Key, valueFormat: 'k %s'}},\n"
		"  publishedPorts: [{container: 80}]}\n"
		"credentials: {sources: {svc: {env: [SVC_KEY], required: true}}}\n"
		"environment: {variables: {A: 1}, proxyManaged: [SVC_KEY, GROQ_API_KEY]}\n"
		"commands: {install: [{command: c}], initFiles: [{path: /f}]}\n"
		"tmpfs: {/t: 1m}\n"
		"oauth: {service: login, tokenEndpoint: {host: t.com, path: /t}}\n";
	static const struct {
		const char *member, *want;
	} rows[] = {
		{ "kind", "\"sandbox\"" },
		{ "sandbox",
		  "{\"image\":\"i\",\"entrypoint\":[\"o\",\"-v\"],\"command\":"
		  "{\"default\":[\"-t\"],\"interactive\":[]},\"resources\":"
		  "{\"cpu\":1.5,\"memory\":\"512m\"}}" },
		{ "agentInstructions", "{\"filename\":\"O.md\",\"content\":\"hello\"}" },
		{ "permissions", "{\"network\":{\"allow\":[\"a.com\"]}}" },
		{ "ports", "[{\"container\":\"80\"}]" },
		{ "volumes", "[{\"path\":\"/t\",\"type\":\"tmpfs\",\"size\":\"1m\"}]" },
		{ "credentials",
		  "[{\"service\":\"svc\",\"required\":true,\"apiKey\":{\"name\":\"SVC_KEY\","
		  "\"proxyManaged\":true,\"inject\":[{\"domain\":\"a.com\",\"header\":\"X-Key\","
		  "\"format\":\"k %s\"}]}},"
		  "{\"service\":\"login\",\"oauth\":{\"tokenEndpoint\":{\"host\":\"t.com\","
		  "\"path\":\"/t\"},\"resourceHosts\":[\"o.com\"]}},"
		  "{\"service\":\"groq\",\"apiKey\":{\"name\":\"GROQ_API_KEY\","
		  "\"proxyManaged\":true}}]" },
	};
	struct err err = ERR_INIT;
	struct kit kit;

	CHECK_EQ(parse(text, &no_values, &kit, &err), 0);
	for (size_t i = 0; i < countof(rows); i++)
		check_member(&kit, rows[i].member, rows[i].want);
	CHECK(json_array_size(kit.warnings) > 10);
	CHECK_STR(json_string_value(json_array_get(kit.warnings, 1)),
		  "spec.yaml: agent is now sandbox");
	kit_finish(&kit);
}

TEST(version_3_in_the_words_of_version_2)
{
	static const char text[] =
		"# syntax=docker/sandbox-kit:3\n"
		"schemaVersion: \"3\"\nkind: workload\n"
		"args: {m: {default: big, env: A_MODEL}}\n"
		"provides: [\"agent@1.2\"]\nrequires: [\"docker >= 25\", \"deb/jq\"]\n"
		"capabilities:\n"
		"- {type: com.docker.sandbox/sbx@1}\n"
		"- {type: com.docker.sandbox/network-policy@1, config: {runtime: {allow: "
		"[a.com]},\n"
		"    install: {allow: [b.com]}}}\n"
		"- {type: com.docker.sandbox/credential@1, optional: true, description: d,\n"
		"    config: {service: s, phase: runtime, apiKey: {name: K}}}\n"
		"- {type: com.docker.sandbox/credential@1, config: {service: t}}\n"
		"- {type: com.docker.sandbox/port@1, config: {container: 80, transport: udp}}\n"
		"- {type: com.docker.sandbox/lifecycle@1, config: {interactive: [-i],\n"
		"    files: [{path: /a, overwrite: false}, {path: /b}]}}\n"
		"- {type: com.docker.sandbox/long-running@1}\n";
	const struct kit_text spec = { .name = "spec.yaml",
				       .handle = "agent-kit",
				       .image = "r.io/agent-kit:1",
				       .bytes = text,
				       .len = sizeof(text) - 1 };
	static const struct {
		const char *member, *want;
	} rows[] = {
		{ "name", "\"agent-kit\"" },
		{ "kind", "\"sandbox\"" },
		{ "sandbox",
		  "{\"image\":\"r.io/agent-kit:1\",\"command\":{\"interactive\":"
		  "[\"-i\"]}}" },
		{ "provides", "[\"agent\"]" },
		{ "needs", "[\"docker\"]" },
		{ "environment", "{\"variables\":{\"A_MODEL\":\"big\"}}" },
		{ "permissions", "{\"network\":{\"allow\":[\"b.com\",\"a.com\"]}}" },
		{ "credentials",
		  "[{\"service\":\"s\",\"apiKey\":{\"name\":\"K\"},\"required\":"
		  "false,\"description\":\"d\"},{\"service\":\"t\",\"required\":"
		  "true}]" },
		{ "ports", "[{\"container\":\"80\",\"protocol\":\"udp\"}]" },
		{ "setup",
		  "{\"files\":[{\"path\":\"/a\",\"overwrite\":false,"
		  "\"onlyIfMissing\":true},{\"path\":\"/b\"}]}" },
	};
	struct err err = ERR_INIT;
	struct kit kit;

	CHECK_EQ(kit_parse(&spec, &no_values, &kit, &err), 0);
	for (size_t i = 0; i < countof(rows); i++)
		check_member(&kit, rows[i].member, rows[i].want);
	CHECK_EQ(json_array_size(kit.warnings), 3);
	kit_finish(&kit);
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
