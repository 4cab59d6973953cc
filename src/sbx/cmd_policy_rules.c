/* sbx policy allow, deny and rm. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/format.h"
#include "sbx/policy.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct rule_options {
	struct format_options format;
	const char *sandbox, *path;
	struct option_list protocols, methods;
};

static const struct option rule_rows[] = {
	{ .name = "sandbox",
	  .kind = OPTION_STRING,
	  .argument = "SANDBOX",
	  .complete = COMPLETE_SANDBOX,
	  .offset = offsetof(struct rule_options, sandbox),
	  .help = "for this sandbox alone" },
	{ .name = "protocol",
	  .kind = OPTION_LIST,
	  .argument = "PROTOCOL",
	  .offset = offsetof(struct rule_options, protocols),
	  .help = "tcp or udp; may be repeated (default: tcp to allow, both to deny)" },
	{ .name = "method",
	  .kind = OPTION_LIST,
	  .argument = "METHOD[,METHOD]",
	  .offset = offsetof(struct rule_options, methods),
	  .help = "only requests with these HTTP methods, or ANY" },
	{ .name = "path",
	  .kind = OPTION_STRING,
	  .argument = "PATH",
	  .offset = offsetof(struct rule_options, path),
	  .help = "only requests of this path; * is one segment, ** any number" },
	{ .name = NULL },
};

static int add_protocols(json_t *body, const struct option_list *protocols, struct err *err)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < protocols->count; i++)
		r = policy_split(protocols->items[i], list, err);
	if (json_object_set_new(body, "protocols", list) < 0 && r == 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}

/* "--method GET --method POST" is "GET,POST". */
static int add_methods(json_t *body, const struct option_list *methods, struct err *err)
{
	json_t *text = json_string(methods->count > 0 ? methods->items[0] : "");

	for (size_t i = 1; text != NULL && i < methods->count; i++) {
		json_t *more = json_sprintf("%s,%s", json_string_value(text), methods->items[i]);

		json_decref(text);
		text = more;
	}
	if (methods->count == 0) {
		json_decref(text);
		return 0;
	}
	return json_object_set_new(body, "methods", text) < 0
		       ? err_set(err, -EINVAL, "a method is not UTF-8")
		       : 0;
}

/* Options that several bodies have in common. */
static int add_text(json_t *body, const char *member, const char *text, struct err *err)
{
	if (text == NULL || json_object_set_new(body, member, json_string(text)) == 0)
		return 0;
	return err_set(err, -EINVAL, "the %s is not UTF-8", member);
}

static int make_rule(const struct invocation *invocation, const char *decision, json_t **ret,
		     struct err *err)
{
	const struct rule_options *options = invocation->values;
	size_t count = 0;
	const char *const *args = policy_args(invocation, &count);
	json_t *resources = json_array();
	json_t *body = json_pack("{ss so}", "decision", decision, "resources", resources);
	int r = count == 0 ? err_set(err, -EINVAL, "name what to %s: example.com:443", decision)
			   : 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = policy_split(args[i], resources, err);
	if (r == 0)
		r = add_protocols(body, &options->protocols, err);
	if (r == 0)
		r = add_methods(body, &options->methods, err);
	if (r == 0)
		r = add_text(body, "path", options->path, err);
	if (r == 0)
		r = add_text(body, "sandbox", options->sandbox, err);
	if (r < 0)
		json_decref(body);
	else
		*ret = body;
	return r;
}

/* "(example.com [tcp] GET /a)" for each resource. */
static void print_resources(const json_t *rule)
{
	const json_t *protocols = json_object_get(rule, "protocols");
	json_t *resource;
	size_t i;

	json_array_foreach(json_object_get(rule, "resources"), i, resource)
	{
		json_t *protocol;
		size_t j;

		(void)fputs("  (", stdout);
		(void)terminal_print_safe(stdout, json_string_value(resource));
		(void)fputs(" [", stdout);
		json_array_foreach(protocols, j, protocol)
		{
			(void)printf("%s%s", j > 0 ? "," : "", json_string_value(protocol));
		}
		(void)putchar(']');
		(void)printf("%s%s", *sandbox_text(rule, "methods") != '\0' ? " " : "",
			     sandbox_text(rule, "methods"));
		(void)printf("%s%s)\n", *sandbox_text(rule, "path") != '\0' ? " " : "",
			     sandbox_text(rule, "path"));
	}
}

static int run_rule(const struct invocation *invocation, const char *decision, struct err *err)
{
	const struct rule_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *body, *answer;
	const json_t *rule;
	int r = make_rule(invocation, decision, &body, err);

	if (r < 0)
		return r;
	r = client_init(&client, invocation, err);
	if (r == 0)
		r = client_call(&client, "POST", "/policy/rules", body, &answer, err);
	json_decref(body);
	if (r < 0)
		return r;
	rule = json_object_get(answer, "rule");
	if (format_is_document(&options->format)) {
		r = format_print(&options->format, answer, err);
	} else {
		(void)printf("Rule %s policy local (scope: %s): %s\n",
			     json_is_true(json_object_get(answer, "existed")) ? "is already in"
									      : "added to",
			     sandbox_text(rule, "scope"), sandbox_text(rule, "id"));
		print_resources(rule);
	}
	json_decref(answer);
	return r;
}

static int run_allow(const struct invocation *invocation, struct err *err)
{
	return run_rule(invocation, "allow", err);
}

static int run_deny(const struct invocation *invocation, struct err *err)
{
	return run_rule(invocation, "deny", err);
}

#define RULE_COMMAND(verb, phrase, run_function, example)                                       \
	{                                                                                       \
		.name = verb, .summary = phrase, .arguments = "[network] RESOURCE[,...]...",    \
		.examples = example,                                                            \
		.groups = { { .options = rule_rows },                                           \
			    { .options = format_option_rows,                                    \
			      .offset = offsetof(struct rule_options, format) } },              \
		.values_size = sizeof(struct rule_options), .least = 1, .most = ARGUMENTS_MANY, \
		.run = run_function,                                                            \
	}

const struct command policy_allow = RULE_COMMAND(
	"allow", "Add a rule that allows", run_allow,
	"sbx policy allow pypi.org:443,**.pypi.org:443\ttwo resources, one rule\n"
	"sbx policy allow --sandbox demo localhost:8080\ta service of this machine\n"
	"sbx policy allow api.example.com --method GET --path '/v1/**'\tsome requests");
const struct command policy_deny =
	RULE_COMMAND("deny", "Add a rule that denies, whatever allows", run_deny,
		     "sbx policy deny '**' --method POST,PUT,DELETE\tnothing is sent anywhere");

struct rm_options {
	const char *id, *resource, *sandbox, *path;
	struct option_list methods;
	bool force;
};

static const struct option rm_rows[] = {
	{ .name = "id",
	  .kind = OPTION_STRING,
	  .argument = "ID",
	  .offset = offsetof(struct rm_options, id),
	  .help = "the rule of this id" },
	{ .name = "resource",
	  .kind = OPTION_STRING,
	  .argument = "RESOURCE",
	  .offset = offsetof(struct rm_options, resource),
	  .help = "the rules of this resource, as it was written" },
	{ .name = "method",
	  .kind = OPTION_LIST,
	  .argument = "METHOD[,METHOD]",
	  .offset = offsetof(struct rm_options, methods),
	  .help = "with --resource: only the rule of these methods" },
	{ .name = "path",
	  .kind = OPTION_STRING,
	  .argument = "PATH",
	  .offset = offsetof(struct rm_options, path),
	  .help = "with --resource: only the rule of this path" },
	{ .name = "sandbox",
	  .kind = OPTION_STRING,
	  .argument = "SANDBOX",
	  .complete = COMPLETE_SANDBOX,
	  .offset = offsetof(struct rm_options, sandbox),
	  .help = "a rule of this sandbox (default: of all; an id is found anywhere)" },
	REPORT_FORCE_ROW(struct rm_options, force),
	{ .name = NULL },
};

static bool has_id(const json_t *rule, const char *id)
{
	const char *own = sandbox_text(rule, "id");

	return strcmp(own, id) == 0 || (strncmp(id, "local:", 6) == 0 && strcmp(own, id + 6) == 0);
}

/* An id tells the sandbox it is of; added to the body. */
static int add_sandbox_of_id(struct client *client, const char *id, json_t *body, struct err *err)
{
	json_t *policy, *rule;
	size_t i;
	int r = policy_get(client, NULL, &policy, err);

	if (r < 0)
		return r;
	json_array_foreach(json_object_get(policy, "rules"), i, rule)
	{
		const char *sandbox = sandbox_text(rule, "sandbox_id");

		if (!has_id(rule, id))
			continue;
		if (!json_is_true(json_object_get(rule, "editable")))
			r = err_set(err, -EINVAL,
				    "'%s' belongs to the policy '%s' and cannot be removed; deny "
				    "what it allows with: sbx policy deny",
				    id, sandbox_text(rule, "policy"));
		else if (*sandbox != '\0')
			r = add_text(body, "sandbox", sandbox, err);
		break;
	}
	json_decref(policy);
	return r;
}

static int make_selector(struct client *client, const struct rm_options *options, json_t *body,
			 struct err *err)
{
	int r;

	if ((options->id == NULL) == (options->resource == NULL))
		return err_set(err, -EINVAL,
			       options->id == NULL
				       ? "at least one selector is required: use --id or --resource"
				       : "use either --id or --resource");
	r = add_text(body, "id", options->id, err);
	if (r == 0)
		r = add_text(body, "resource", options->resource, err);
	if (r == 0)
		r = add_methods(body, &options->methods, err);
	if (r == 0)
		r = add_text(body, "path", options->path, err);
	if (r == 0)
		r = add_text(body, "sandbox", options->sandbox, err);
	if (r == 0 && options->id != NULL && options->sandbox == NULL)
		r = add_sandbox_of_id(client, options->id, body, err);
	return r;
}

static void print_removed(const json_t *answer)
{
	json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(answer, "removed"), i, rule)
	{
		(void)printf("Rule removed: %s %s\n", sandbox_text(rule, "decision"),
			     sandbox_text(rule, "id"));
		print_resources(rule);
	}
}

static int run_rm(const struct invocation *invocation, struct err *err)
{
	const struct rm_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	json_t *body = json_object(), *answer = NULL;
	size_t count = 0;
	int r;

	(void)policy_args(invocation, &count);
	r = count > 0 ? err_set(err, -EINVAL, "name the rule by --id or --resource")
		      : client_init(&client, invocation, err);
	if (r == 0)
		r = make_selector(&client, options, body, err);
	if (r == 0)
		r = report_confirm(options->force, "Remove this rule?", err);
	if (r == 0)
		r = client_call(&client, "POST", "/policy/remove", body, &answer, err);
	json_decref(body);
	if (r < 0)
		return r;
	print_removed(answer);
	json_decref(answer);
	return 0;
}

const struct command policy_rm = {
	.name = "rm",
	.alias = "remove",
	.summary = "Remove a rule that was added",
	.arguments = "[network]",
	.groups = { { .options = rm_rows } },
	.values_size = sizeof(struct rm_options),
	.most = 1,
	.run = run_rm,
};
