/* sbx policy ls and inspect. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"

enum { SUMMARY_MAX = 1 << 16, WIDE_COLUMNS = 12, ID_PREFIX_LEAST = 4 };

struct ls_options {
	struct format_options format;
	const char *sandbox, *source, *decision, *type, *protocol, *created_via;
	bool wide, inactive;
};

static const char *const sources[] = { "local", "kit", "org", NULL };
static const char *const decisions[] = { "allow", "deny", NULL };
static const char *const types[] = { "all", "network", "http", "filesystem", NULL };
static const char *const protocols[] = { "tcp", "udp", NULL };
static const char *const created[] = { "default", "added", "provisioned", "approval", "kit", NULL };

static const struct option ls_rows[] = {
	{ .name = "sandbox",
	  .kind = OPTION_STRING,
	  .argument = "SANDBOX",
	  .complete = COMPLETE_SANDBOX,
	  .offset = offsetof(struct ls_options, sandbox),
	  .help = "what is in force for this sandbox" },
	{ .name = "source",
	  .kind = OPTION_STRING,
	  .argument = "SOURCE",
	  .choices = sources,
	  .offset = offsetof(struct ls_options, source),
	  .help = "only rules of the user and presets, or of kits" },
	{ .name = "decision",
	  .kind = OPTION_STRING,
	  .argument = "DECISION",
	  .choices = decisions,
	  .offset = offsetof(struct ls_options, decision),
	  .help = "only rules that allow, or that deny" },
	{ .name = "type",
	  .kind = OPTION_STRING,
	  .argument = "TYPE",
	  .choices = types,
	  .offset = offsetof(struct ls_options, type),
	  .help = "only rules of connections, of HTTP requests, or of files" },
	{ .name = "protocol",
	  .kind = OPTION_STRING,
	  .argument = "PROTOCOL",
	  .choices = protocols,
	  .offset = offsetof(struct ls_options, protocol),
	  .help = "only rules of this protocol" },
	{ .name = "created-via",
	  .kind = OPTION_STRING,
	  .argument = "HOW",
	  .choices = created,
	  .offset = offsetof(struct ls_options, created_via),
	  .help = "only rules that came to be in this way" },
	{ .name = "include-inactive",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct ls_options, inactive),
	  .hidden = true,
	  .help = "every rule is active here" },
	{ .name = "wide",
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct ls_options, wide),
	  .help = "a line for each rule" },
	{ .name = NULL },
};

/* "read" or "write" for a rule about files, else NULL. */
static const char *file_verb(const json_t *rule)
{
	static const char prefix[] = "filesystem:";
	const char *type = sandbox_text(rule, "resource_type");

	return strncmp(type, prefix, sizeof(prefix) - 1) == 0 ? type + sizeof(prefix) - 1 : NULL;
}

static bool is_http(const json_t *rule)
{
	return *sandbox_text(rule, "methods") != '\0';
}

static bool has_protocol(const json_t *rule, const char *protocol)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(rule, "protocols"), i, item)
	{
		if (strcmp(json_string_value(item), protocol) == 0)
			return true;
	}
	return false;
}

static bool is_type(const json_t *rule, const char *type)
{
	if (strcmp(type, "all") == 0)
		return true;
	if (file_verb(rule) != NULL)
		return strcmp(type, "filesystem") == 0;
	return strcmp(type, "filesystem") != 0 && is_http(rule) == (strcmp(type, "http") == 0);
}

static const char *created_via(const json_t *rule)
{
	return sandbox_text(json_object_get(rule, "provenance"), "created_via");
}

/* "scoped" rules are the user's as well. */
static const char *source_of(const json_t *rule)
{
	return strcmp(sandbox_text(rule, "origin"), "kit") == 0 ? "kit" : "local";
}

static bool is_selected(const json_t *rule, const struct ls_options *options)
{
	if (options->source != NULL && strcmp(options->source, source_of(rule)) != 0)
		return false;
	if (options->decision != NULL &&
	    strcmp(options->decision, sandbox_text(rule, "decision")) != 0)
		return false;
	if (options->type != NULL && !is_type(rule, options->type))
		return false;
	if (options->protocol != NULL && !has_protocol(rule, options->protocol))
		return false;
	return options->created_via == NULL || strcmp(options->created_via, created_via(rule)) == 0;
}

/* The selected rules, an array owned by the caller. */
static json_t *select_rules(const json_t *policy, const struct ls_options *options)
{
	json_t *selected = json_array(), *rule;
	size_t i;

	json_array_foreach(json_object_get(policy, "rules"), i, rule)
	{
		if (is_selected(rule, options))
			(void)json_array_append(selected, rule);
	}
	return selected;
}

static bool is_same_policy(const json_t *a, const json_t *b)
{
	return strcmp(sandbox_text(a, "policy"), sandbox_text(b, "policy")) == 0 &&
	       strcmp(sandbox_text(a, "applies_to"), sandbox_text(b, "applies_to")) == 0;
}

/* Resources by decision, of connections and of requests; rules about files. */
struct counts {
	size_t numbers[2][2];
	size_t reads, writes;
};

static struct counts count_from(const json_t *rules, const json_t *first)
{
	struct counts counts = { .reads = 0 };
	json_t *rule;
	size_t i;

	json_array_foreach((json_t *)rules, i, rule)
	{
		bool allows = strcmp(sandbox_text(rule, "decision"), "allow") == 0;

		if (!is_same_policy(rule, first))
			continue;
		if (file_verb(rule) != NULL)
			*(strcmp(file_verb(rule), "read") == 0 ? &counts.reads : &counts.writes) +=
				1;
		else
			counts.numbers[is_http(rule)][allows] +=
				json_array_size(json_object_get(rule, "resources"));
	}
	return counts;
}

/*
 * "network: 42 allow, 1 deny; filesystem read: 1 allow", with layers where there are both: "2 allow
 * (L4), 1 deny (L7)".
 */
static void summarize(const struct counts *counts, struct buf *text)
{
	static const char *const names[] = { "deny", "allow" };
	bool layers = counts->numbers[1][0] + counts->numbers[1][1] > 0;
	bool is_first = true;

	(void)buf_printf(text, "network:");
	for (int http = 0; http < 2; http++) {
		for (int allows = 1; allows >= 0; allows--) {
			if (counts->numbers[http][allows] == 0)
				continue;
			(void)buf_printf(text, "%s %zu %s%s", is_first ? "" : ",",
					 counts->numbers[http][allows], names[allows],
					 !layers ? ""
					 : http	 ? " (L7)"
						 : " (L4)");
			is_first = false;
		}
	}
	if (is_first)
		(void)buf_printf(text, " 0 allow");
	if (counts->reads > 0)
		(void)buf_printf(text, "; filesystem read: %zu allow", counts->reads);
	if (counts->writes > 0)
		(void)buf_printf(text, "; filesystem write: %zu allow", counts->writes);
}

static bool was_shown(const json_t *rules, size_t index)
{
	const json_t *rule = json_array_get(rules, index);

	for (size_t i = 0; i < index; i++)
		if (is_same_policy(json_array_get(rules, i), rule))
			return true;
	return false;
}

static int print_policies(const json_t *rules, struct err *err)
{
	static const char *const header[] = { "POLICY", "SOURCE", "APPLIES TO", "SUMMARY",
					      "STATUS" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *rule;
	size_t i;
	int r;

	columns_init(&columns, 5);
	r = columns_add(&columns, header);
	json_array_foreach((json_t *)rules, i, rule)
	{
		autocall(buf_finish) struct buf text;
		struct counts counts;

		buf_init(&text, SUMMARY_MAX);
		if (r < 0 || was_shown(rules, i))
			continue;
		counts = count_from(rules, rule);
		summarize(&counts, &text);
		r = columns_add(&columns, (const char *const[]){
						  sandbox_text(rule, "policy"), source_of(rule),
						  sandbox_text(rule, "applies_to"),
						  buf_str(&text) != NULL ? buf_str(&text) : "",
						  sandbox_text(rule, "status") });
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static void join(const json_t *list, struct buf *text)
{
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		(void)buf_printf(text, "%s%s", i > 0 ? "," : "", json_string_value(item));
	}
}

static const char *or_dash(const char *text)
{
	return *text != '\0' ? text : "-";
}

static int add_wide(struct columns *columns, const json_t *rule)
{
	autocall(buf_finish) struct buf resources;

	buf_init(&resources, SUMMARY_MAX);
	join(json_object_get(rule, "resources"), &resources);
	return columns_add(columns, (const char *const[]){
					    source_of(rule),
					    sandbox_text(rule, "applies_to"),
					    sandbox_text(rule, "policy"),
					    sandbox_text(rule, "policy_id"),
					    sandbox_text(rule, "name"),
					    sandbox_text(rule, "id"),
					    file_verb(rule) != NULL ? "filesystem"
					    : is_http(rule)	    ? "http"
								    : "network",
					    or_dash(sandbox_text(rule, "methods")),
					    or_dash(sandbox_text(rule, "path")),
					    sandbox_text(rule, "decision"),
					    buf_str(&resources) != NULL ? buf_str(&resources) : "",
					    sandbox_text(rule, "status"),
				    });
}

static int print_wide(const json_t *rules, struct err *err)
{
	static const char *const header[WIDE_COLUMNS] = {
		"SOURCE", "APPLIES TO", "POLICY", "POLICY_ID", "RULE",	    "RULE_ID",
		"TYPE",	  "METHOD",	"PATH",	  "DECISION",  "RESOURCES", "STATUS",
	};
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *rule;
	size_t i;
	int r;

	columns_init(&columns, WIDE_COLUMNS);
	r = columns_add(&columns, header);
	json_array_foreach((json_t *)rules, i, rule)
	{
		if (r == 0)
			r = add_wide(&columns, rule);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static void print_damage(const json_t *policy)
{
	json_t *text;
	size_t i;

	json_array_foreach(json_object_get(policy, "damage"), i, text)
	{
		(void)fputs("WARNING: ", stderr);
		(void)terminal_print_safe(stderr, json_string_value(text));
		(void)fputs("; it allows nothing until: sbx policy reset\n", stderr);
	}
}

static int print_list(const json_t *policy, const struct ls_options *options, struct err *err)
{
	json_t *rules = select_rules(policy, options);
	bool initialized = json_is_true(json_object_get(policy, "initialized"));
	int r = 0;

	if (format_is_document(&options->format)) {
		json_t *document = json_pack("{sb sO* sO}", "initialized", initialized, "preset",
					     json_object_get(policy, "preset"), "rules", rules);

		r = format_print(&options->format, document, err);
		json_decref(document);
	} else if (json_array_size(json_object_get(policy, "rules")) > 0 &&
		   json_array_size(rules) == 0) {
		(void)puts("No policies match the selected filters.");
	} else if (json_array_size(rules) > 0) {
		r = options->wide ? print_wide(rules, err) : print_policies(rules, err);
	} else if (initialized) {
		(void)printf("The policy '%s' has no rules: everything is denied.\n",
			     sandbox_text(policy, "preset"));
	}
	if (!initialized && !format_is_document(&options->format))
		(void)fputs(
			"global network policy has not been initialized; choose one with: sbx "
			"policy init balanced\n",
			stderr);
	print_damage(policy);
	json_decref(rules);
	return r;
}

static int run_ls(const struct invocation *invocation, struct err *err)
{
	const struct ls_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *policy;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = policy_get(&client, options->sandbox, &policy, err);
	if (r < 0)
		return r;
	r = print_list(policy, options, err);
	json_decref(policy);
	return r;
}

const struct command policy_ls = {
	.name = "ls",
	.alias = "list",
	.summary = "List what is allowed and denied",
	.groups = { { .options = ls_rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct ls_options, format) } },
	.values_size = sizeof(struct ls_options),
	.run = run_ls,
};

struct inspect_options {
	struct format_options format;
};

static bool has_resource(const json_t *rule, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(rule, "resources"), i, item)
	{
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	}
	return false;
}

/* Whether a person may mean this rule by this word. */
static bool is_meant(const json_t *rule, const char *word)
{
	const char *id = sandbox_text(rule, "id");

	if (strncmp(word, "local:", 6) == 0)
		word += 6;
	return strcmp(id, word) == 0 ||
	       (strlen(word) >= ID_PREFIX_LEAST && strncmp(id, word, strlen(word)) == 0) ||
	       has_resource(rule, word);
}

static json_t *find_meant(const json_t *policy, const char *word)
{
	json_t *found = json_array(), *rule;
	size_t i;

	json_array_foreach(json_object_get(policy, "rules"), i, rule)
	{
		if (is_meant(rule, word) || strcmp(sandbox_text(rule, "policy"), word) == 0)
			(void)json_array_append(found, rule);
	}
	return found;
}

static void print_member(const char *name, const char *value)
{
	(void)printf("%-12s ", name);
	(void)terminal_print_safe(stdout, or_dash(value));
	(void)putchar('\n');
}

static void print_rule(const json_t *rule)
{
	const char *sandbox = sandbox_text(rule, "sandbox_id");
	autocall(buf_finish) struct buf protocols_text;
	json_t *resource;
	size_t i;

	buf_init(&protocols_text, SUMMARY_MAX);
	join(json_object_get(rule, "protocols"), &protocols_text);
	print_member("rule", sandbox_text(rule, "id"));
	print_member("policy", sandbox_text(rule, "policy"));
	print_member("decision", sandbox_text(rule, "decision"));
	print_member("applies to", sandbox_text(rule, "applies_to"));
	print_member("protocols", buf_str(&protocols_text) != NULL ? buf_str(&protocols_text) : "");
	print_member("methods", sandbox_text(rule, "methods"));
	print_member("path", sandbox_text(rule, "path"));
	print_member("created via", created_via(rule));
	print_member("created at", sandbox_text(json_object_get(rule, "provenance"), "created_at"));
	json_array_foreach(json_object_get(rule, "resources"), i, resource)
	{
		print_member(i == 0 ? "resources" : "", json_string_value(resource));
	}
	if (!json_is_true(json_object_get(rule, "editable")))
		return;
	(void)printf("\nRemove it with:\n  sbx policy rm --id %s%s%s\n", sandbox_text(rule, "id"),
		     *sandbox != '\0' ? " --sandbox " : "", sandbox);
}

static void print_candidates(const json_t *rules)
{
	json_t *rule;
	size_t i;

	json_array_foreach((json_t *)rules, i, rule)
	{
		(void)printf("%s  %s  ", sandbox_text(rule, "id"),
			     sandbox_text(rule, "applies_to"));
		(void)printf("%s\n", sandbox_text(rule, "decision"));
	}
}

/* All rules of one policy are meant together by its name. */
static bool is_one_policy(const json_t *rules, const char *word)
{
	json_t *rule;
	size_t i;

	json_array_foreach((json_t *)rules, i, rule)
	{
		if (strcmp(sandbox_text(rule, "policy"), word) != 0)
			return false;
	}
	return json_array_size(rules) > 0;
}

static int print_meant(const json_t *rules, const char *word, const struct format_options *format,
		       struct err *err)
{
	json_t *rule;
	size_t i;

	if (json_array_size(rules) == 0)
		return err_set(err, -ENOENT,
			       "no rule or policy is called '%s'; see: sbx policy ls "
			       "--wide",
			       word);
	if (json_array_size(rules) > 1 && !is_one_policy(rules, word)) {
		print_candidates(rules);
		return err_set(err, -EINVAL, "'%s' is ambiguous; use one of these ids", word);
	}
	if (format_is_document(format)) {
		json_t *document = json_pack("{sO}", "rules", rules);
		int r = format_print(format, document, err);

		json_decref(document);
		return r;
	}
	json_array_foreach((json_t *)rules, i, rule)
	{
		if (i > 0)
			(void)putchar('\n');
		print_rule(rule);
	}
	return 0;
}

static int run_inspect(const struct invocation *invocation, struct err *err)
{
	const struct inspect_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	const char *word = invocation->args[0];
	json_t *policy, *rules;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = policy_get(&client, NULL, &policy, err);
	if (r < 0)
		return r;
	rules = find_meant(policy, word);
	r = print_meant(rules, word, &options->format, err);
	json_decref(rules);
	json_decref(policy);
	return r;
}

const struct command policy_inspect = {
	.name = "inspect",
	.summary = "Show a rule or a policy, and how to remove it",
	.arguments = "ID|RESOURCE|POLICY",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct inspect_options),
	.least = 1,
	.most = 1,
	.run = run_inspect,
};
