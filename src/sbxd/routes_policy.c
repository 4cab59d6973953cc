/* /policy: presets, rules, decisions, log and approvals. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "policy/policy.h"
#include "sbxd/policy_approval.h"
#include "sbxd/policy_log.h"
#include "sbxd/policy_store.h"
#include "sbxd/policy_view.h"
#include "sbxd/route.h"
#include "sbxd/supervisor.h"
#include "sbxd/view.h"

enum { PORT_DEFAULT = 443 };

/* A rule is for a sandbox that exists; -ENOENT. NULL: global. */
static int check_sandbox(const struct request *request, const char *name, struct err *err)
{
	struct sandbox *sandbox;

	if (name == NULL)
		return 0;
	sandbox = supervisor_find(request->supervisor, name);
	if (sandbox == NULL)
		return err_set(err, -ENOENT, "sandbox '%.80s' not found", name);
	supervisor_put(sandbox);
	return 0;
}

static int show_rules(struct request *request, struct err *err)
{
	const char *sandbox = request->query(request, "sandbox");
	json_t *snapshot;
	int r = check_sandbox(request, sandbox, err);

	if (r < 0)
		return r;
	snapshot = policy_store_snapshot(request->supervisor->policy);
	r = request_reply(request, 200, policy_view_rules(snapshot, sandbox), err);
	json_decref(snapshot);
	return r;
}

static int init(struct request *request, struct err *err)
{
	const char *preset = NULL;
	int r = request_unpack(request, err, "{ss}", "preset", &preset);

	if (r == 0)
		r = policy_store_init(request->supervisor->policy, preset, err);
	if (r < 0)
		return r;
	supervisor_audit(request->supervisor, "policy", NULL,
			 json_pack("{ss ss}", "change", "init", "preset", preset));
	return show_rules(request, err);
}

static int reset(struct request *request, struct err *err)
{
	int r = request_unpack(request, err, "{}");

	if (r == 0)
		r = policy_store_reset(request->supervisor->policy, err);
	if (r < 0)
		return r;
	supervisor_audit(request->supervisor, "policy", NULL, json_pack("{ss}", "change", "reset"));
	return request_reply(request, 200, json_object(), err);
}

static int parse_protocols(const json_t *list, unsigned *ret, struct err *err)
{
	*ret = stored_rule_protocols(list);
	return *ret != 0 || json_array_size(list) == 0
		       ? 0
		       : err_set(err, -EINVAL, "a protocol is 'tcp' or 'udp'");
}

static int parse_decision(const char *text, enum policy_decision *ret, struct err *err)
{
	if (strcmp(text, "allow") != 0 && strcmp(text, "deny") != 0)
		return err_set(err, -EINVAL, "decision must be 'allow' or 'deny'");
	*ret = strcmp(text, "allow") == 0 ? POLICY_ALLOW : POLICY_DENY;
	return 0;
}

/* Adds the rule that is wished for, writes it to the audit file, and answers. */
static int add_rule(struct request *request, const char *sandbox, const struct policy_wish *wish,
		    struct err *err)
{
	struct supervisor *supervisor = request->supervisor;
	json_t *rule = NULL, *shown;
	bool existed = false;
	unsigned told = 0;
	int r = policy_store_add(supervisor->policy, sandbox, wish, &rule, &existed, &told, err);

	if (r < 0)
		return r;
	if (!existed)
		supervisor_audit(supervisor, "policy", sandbox,
				 json_pack("{ss sO}", "change", "add", "rule", rule));
	shown = policy_view_rule(rule, sandbox);
	json_decref(rule);
	return request_reply(
		request, existed ? 200 : 201,
		json_pack("{so sb si}", "rule", shown, "existed", existed, "applied", (int)told),
		err);
}

static int add(struct request *request, struct err *err)
{
	struct policy_wish wish = { .created = CREATED_ADDED };
	const char *decision = NULL, *sandbox = NULL;
	json_t *resources = NULL, *protocols = NULL;
	int r = request_unpack(request, err, "{ss so s?o s?s s?s s?s}", "decision", &decision,
			       "resources", &resources, "protocols", &protocols, "methods",
			       &wish.methods, "path", &wish.path, "sandbox", &sandbox);

	wish.resources = resources;
	if (r == 0)
		r = parse_decision(decision, &wish.decision, err);
	if (r == 0)
		r = parse_protocols(protocols, &wish.protocols, err);
	if (r == 0)
		r = check_sandbox(request, sandbox, err);
	return r < 0 ? r : add_rule(request, sandbox, &wish, err);
}

static int remove_rules(struct request *request, struct err *err)
{
	struct policy_selector selector = { .id = NULL };
	struct supervisor *supervisor = request->supervisor;
	const char *sandbox = NULL;
	json_t *removed = NULL;
	unsigned told = 0;
	int r = request_unpack(request, err, "{s?s s?s s?s s?s s?s}", "id", &selector.id,
			       "resource", &selector.resource, "methods", &selector.methods, "path",
			       &selector.path, "sandbox", &sandbox);

	if (r == 0)
		r = check_sandbox(request, sandbox, err);
	if (r == 0)
		r = policy_store_remove(supervisor->policy, sandbox, &selector, &removed, &told,
					err);
	if (r < 0)
		return r;
	supervisor_audit(supervisor, "policy", sandbox,
			 json_pack("{ss sO}", "change", "remove", "rules", removed));
	return request_reply(request, 200,
			     json_pack("{so si}", "removed", removed, "applied", (int)told), err);
}

/* What a client asks about; the strings are weak, in the body and in `resource`. */
struct inquiry {
	const char *target, *sandbox, *protocol, *method, *path;
	struct policy_resource resource;
	struct policy_question question;
};

static bool is_host_name(const char *name)
{
	return strcmp(name, "localhost") == 0 || strcmp(name, "host.docker.internal") == 0;
}

/* "host", "host:port", "[v6]:port": one thing, no pattern. */
static int parse_target(struct inquiry *inquiry, struct err *err)
{
	struct policy_question *question = &inquiry->question;
	struct policy_resource *resource = &inquiry->resource;
	char name[POLICY_NAME_MAX + 1];
	int r = policy_resource_parse(inquiry->target, resource, err);

	if (r < 0)
		return r;
	if (resource->kind == POLICY_NET &&
	    resource->bits == (resource->net.family == ADDRESS_V4 ? 32 : 128))
		question->address = resource->net;
	else if (resource->kind == POLICY_NAME &&
		 policy_name_check(resource->pattern, strlen(resource->pattern), name) == 0)
		question->name = resource->pattern;
	else
		return err_set(err, -EINVAL,
			       "'%s' is not one host: write HOST, HOST:PORT or an "
			       "address",
			       inquiry->target);
	question->is_host = question->name != NULL && is_host_name(question->name);
	question->port = resource->port != 0 ? resource->port : PORT_DEFAULT;
	return 0;
}

static int parse_inquiry(const struct request *request, struct inquiry *inquiry, struct err *err)
{
	struct policy_question *question = &inquiry->question;
	int r = request_unpack(request, err, "{ss s?s s?s s?s s?s}", "target", &inquiry->target,
			       "sandbox", &inquiry->sandbox, "protocol", &inquiry->protocol,
			       "method", &inquiry->method, "path", &inquiry->path);

	if (r < 0)
		return r;
	question->protocol = POLICY_TCP;
	if (inquiry->protocol != NULL && strcmp(inquiry->protocol, "udp") == 0)
		question->protocol = POLICY_UDP;
	else if (inquiry->protocol != NULL && strcmp(inquiry->protocol, "tcp") != 0)
		return err_set(err, -EINVAL, "protocol must be 'tcp' or 'udp'");
	question->method = inquiry->method;
	question->path = inquiry->path;
	if (question->method != NULL && question->path == NULL)
		question->path = "/";
	if (question->path != NULL && question->method == NULL)
		question->method = "GET";
	return parse_target(inquiry, err);
}

static void add_line(void *context, const char *text)
{
	(void)json_array_append_new(context, json_string(text));
}

static int check(struct request *request, struct err *err)
{
	struct inquiry inquiry = { .target = NULL };
	struct policy *policy = NULL;
	struct policy_verdict verdict;
	json_t *answer, *chain;
	int r = parse_inquiry(request, &inquiry, err);

	if (r == 0)
		r = check_sandbox(request, inquiry.sandbox, err);
	if (r == 0 &&
	    policy_store_compile(request->supervisor->policy, inquiry.sandbox, &policy) < 0)
		r = err_set(err, -EIO, "the policy cannot be compiled");
	if (r == 0) {
		policy_decide(policy, &inquiry.question, &verdict);
		answer = policy_view_verdict(&inquiry.question, &verdict, inquiry.target);
		chain = json_array();
		policy_explain(policy, &inquiry.question, add_line, chain);
		(void)json_object_set_new(answer, "chain", chain);
		r = request_reply(request, 200, answer, err);
	}
	policy_destroy(policy);
	policy_resource_finish(&inquiry.resource);
	return r;
}

/* An entry of the log as the reference shows it; times in words. */
static json_t *view_entry(const json_t *entry)
{
	json_t *shown = json_deep_copy(entry);
	json_t *count = json_object_get(shown, "count");

	(void)json_object_set(shown, "vm_name", json_object_get(shown, "sandbox"));
	(void)json_object_set(shown, "count_since", count);
	(void)json_object_set_new(
		shown, "last_seen",
		view_time(json_integer_value(json_object_get(shown, "last_seen"))));
	(void)json_object_set_new(shown, "since",
				  view_time(json_integer_value(json_object_get(shown, "since"))));
	return shown;
}

static bool is_decision(const json_t *entry, const char *decision)
{
	const char *text = json_string_value(json_object_get(entry, "decision"));

	return text != NULL && strcmp(text, decision) == 0;
}

static int show_log(struct request *request, struct err *err)
{
	json_t *entries = policy_log_view(request->supervisor->policy_log,
					  request->query(request, "sandbox"));
	json_t *blocked = json_array(), *allowed = json_array();
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		(void)json_array_append_new(is_decision(entry, "allow") ? allowed : blocked,
					    view_entry(entry));
	}
	json_decref(entries);
	return request_reply(
		request, 200,
		json_pack("{so so}", "blocked_hosts", blocked, "allowed_hosts", allowed), err);
}

static int show_approvals(struct request *request, struct err *err)
{
	json_t *list = approval_list(request->supervisor, request->query(request, "sandbox"));

	return request_reply(request, 200, json_pack("{so}", "approvals", list), err);
}

/* POST /policy/approvals/{id}: becomes a rule of that sandbox, or of all. */
static int approve(struct request *request, struct err *err)
{
	struct policy_wish wish = { .created = CREATED_APPROVAL };
	const char *decision = NULL, *scope = "sandbox", *sandbox;
	json_t *approval = NULL, *resources;
	int r = request_unpack(request, err, "{ss s?s}", "decision", &decision, "scope", &scope);

	if (r == 0)
		r = parse_decision(decision, &wish.decision, err);
	if (r == 0 && strcmp(scope, "sandbox") != 0 && strcmp(scope, "global") != 0)
		r = err_set(err, -EINVAL, "scope must be 'sandbox' or 'global'");
	if (r == 0)
		r = approval_find(request->supervisor, request->args[0], &approval, err);
	if (r < 0)
		return r;
	resources = json_pack("[O]", json_object_get(approval, "resource"));
	wish.resources = resources;
	if (strcmp(json_string_value(json_object_get(approval, "protocol")), "udp") == 0)
		wish.protocols = POLICY_UDP;
	sandbox = strcmp(scope, "global") == 0
			  ? NULL
			  : json_string_value(json_object_get(approval, "sandbox"));
	r = check_sandbox(request, sandbox, err);
	if (r == 0)
		r = add_rule(request, sandbox, &wish, err);
	json_decref(resources);
	json_decref(approval);
	return r;
}

static int show_profiles(struct request *request, struct err *err)
{
	json_t *snapshot = policy_store_snapshot(request->supervisor->policy);
	json_t *profiles = json_array(), *rules;
	const char *name;

	json_object_foreach(json_object_get(snapshot, "presets"), name, rules)
	{
		size_t resources = 0, i;
		const json_t *rule;

		json_array_foreach(rules, i, rule)
		{
			resources += json_array_size(json_object_get(rule, "resources"));
		}
		(void)json_array_append_new(profiles, json_pack("{ss si si}", "name", name, "rules",
								(int)json_array_size(rules),
								"resources", (int)resources));
	}
	json_decref(snapshot);
	return request_reply(request, 200, json_pack("{so}", "profiles", profiles), err);
}

const struct route routes_policy[] = {
	{ "GET", "/policy", show_rules },
	{ "POST", "/policy/init", init },
	{ "POST", "/policy/reset", reset },
	{ "POST", "/policy/rules", add },
	{ "POST", "/policy/remove", remove_rules },
	{ "POST", "/policy/check", check },
	{ "GET", "/policy/log", show_log },
	{ "GET", "/policy/profiles", show_profiles },
	{ "GET", "/policy/approvals", show_approvals },
	{ "POST", "/policy/approvals/{}", approve },
	{ NULL, NULL, NULL },
};
