/* sbx policy log and approval. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/format.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"

enum { LOG_COLUMNS = 8, APPROVAL_COLUMNS = 7, LIMIT_MAX = 100000 };

struct log_options {
	struct format_options format;
	uint64_t limit;
	const char *type;
	bool quiet;
};

static const char *const types[] = { "all", "network", "http", NULL };

static const struct option log_rows[] = {
	{ .name = "limit",
	  .kind = OPTION_NUMBER,
	  .argument = "N",
	  .offset = offsetof(struct log_options, limit),
	  .help = "at most the N latest entries of each kind (default: all)" },
	{ .name = "type",
	  .kind = OPTION_STRING,
	  .argument = "TYPE",
	  .choices = types,
	  .offset = offsetof(struct log_options, type),
	  .help = "connections (network) or requests (http) only" },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct log_options, quiet),
	  .help = "print the hosts only" },
	{ .name = NULL },
};

/* "10:15:25 29-Jan" in local time, of RFC 3339 in UTC; what is none stays as it is. */
static void format_seen(const char *text, char *ret, size_t size)
{
	struct tm tm = { .tm_isdst = 0 }, local;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t seconds = end == NULL || *end != '\0' ? -1 : timegm(&tm);

	if (seconds < 0 || localtime_r(&seconds, &local) == NULL ||
	    strftime(ret, size, "%H:%M:%S %d-%b", &local) == 0)
		(void)snprintf(ret, size, "%s", text);
}

static bool is_http(const json_t *entry)
{
	return *sandbox_text(entry, "method") != '\0';
}

/* RFC 3339 times in UTC sort as strings; the latest comes first. */
static int compare_seen(const void *a, const void *b)
{
	return strcmp(sandbox_text(*(const json_t *const *)b, "last_seen"),
		      sandbox_text(*(const json_t *const *)a, "last_seen"));
}

/* The entries that were asked for, sorted, in an array owned by the caller. */
static json_t *choose_entries(const json_t *entries, const struct log_options *options)
{
	size_t size = json_array_size(entries), count = 0;
	autofree const json_t **sorted = calloc(size + 1, sizeof(const json_t *));
	bool all = options->type == NULL || strcmp(options->type, "all") == 0;
	json_t *chosen = json_array();

	for (size_t i = 0; sorted != NULL && i < size; i++) {
		const json_t *entry = json_array_get(entries, i);

		if (all || is_http(entry) == (strcmp(options->type, "http") == 0))
			sorted[count++] = entry;
	}
	if (count > 0)
		qsort(sorted, count, sizeof(*sorted), compare_seen);
	for (size_t i = 0; i < count && (options->limit == 0 || i < options->limit); i++)
		(void)json_array_append(chosen, (json_t *)(uintptr_t)sorted[i]);
	return chosen;
}

static int add_entry(struct columns *columns, const json_t *entry)
{
	char seen[48], count[24];

	format_seen(sandbox_text(entry, "last_seen"), seen, sizeof(seen));
	(void)snprintf(count, sizeof(count), "%lld",
		       (long long)json_integer_value(json_object_get(entry, "count")));
	return columns_add(
		columns,
		(const char *const[]){
			sandbox_text(entry, "vm_name"),
			is_http(entry) ? "http" : "network",
			sandbox_text(entry, "host"),
			sandbox_text(entry, "proxy_type"),
			*sandbox_text(entry, "rule") != '\0' ? sandbox_text(entry, "rule") : "-",
			sandbox_text(entry, "reason"),
			seen,
			count,
		});
}

static int print_section(const char *title, const json_t *entries, struct err *err)
{
	static const char *const header[LOG_COLUMNS] = {
		"SANDBOX", "TYPE", "HOST", "PROXY", "RULE", "REASON", "LAST SEEN", "COUNT"
	};
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *entry;
	size_t i;
	int r;

	if (json_array_size(entries) == 0)
		return 0;
	columns_init(&columns, LOG_COLUMNS);
	r = columns_add(&columns, header);
	json_array_foreach((json_t *)entries, i, entry)
	{
		if (r == 0)
			r = add_entry(&columns, entry);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	(void)printf("%s\n", title);
	columns_print(&columns, stdout);
	return 0;
}

static void print_hosts(const json_t *entries)
{
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)entries, i, entry)
	{
		(void)terminal_print_safe(stdout, sandbox_text(entry, "host"));
		(void)putchar('\n');
	}
}

static int print_log(const json_t *blocked, const json_t *allowed,
		     const struct log_options *options, struct err *err)
{
	bool both = json_array_size(blocked) > 0 && json_array_size(allowed) > 0;
	json_t *document;
	int r;

	if (format_is_document(&options->format)) {
		document = json_pack("{sO sO}", "blocked_hosts", blocked, "allowed_hosts", allowed);
		r = format_print(&options->format, document, err);
		json_decref(document);
		return r;
	}
	if (options->quiet) {
		print_hosts(blocked);
		print_hosts(allowed);
		return 0;
	}
	if (json_array_size(blocked) + json_array_size(allowed) == 0) {
		(void)puts("No policy log entries found");
		return 0;
	}
	r = print_section("Blocked requests:", blocked, err);
	if (r == 0 && both)
		(void)putchar('\n');
	return r < 0 ? r : print_section("Allowed requests:", allowed, err);
}

static int get(const struct invocation *invocation, const char *path, json_t **ret, struct err *err)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	autofree char *url =
		policy_url(path, "sandbox", invocation->count > 0 ? invocation->args[0] : NULL);
	int r;

	if (url == NULL)
		return err_set(err, -EINVAL, "the name of the sandbox is too long");
	r = client_init(&client, invocation, err);
	return r < 0 ? r : client_call(&client, "GET", url, NULL, ret, err);
}

static int run_log(const struct invocation *invocation, struct err *err)
{
	const struct log_options *options = invocation->values;
	json_t *answer, *blocked, *allowed;
	int r = get(invocation, "/policy/log", &answer, err);

	if (r < 0)
		return r;
	blocked = choose_entries(json_object_get(answer, "blocked_hosts"), options);
	allowed = choose_entries(json_object_get(answer, "allowed_hosts"), options);
	r = print_log(blocked, allowed, options, err);
	json_decref(blocked);
	json_decref(allowed);
	json_decref(answer);
	return r;
}

const struct command policy_log = {
	.name = "log",
	.summary = "Show what was allowed and denied, and by which rule",
	.arguments = "[SANDBOX]",
	.description = "Entries are kept by name, also of sandboxes that were removed.",
	.groups = { { .options = log_rows },
		    { .options = format_option_rows,
		      .offset = offsetof(struct log_options, format) } },
	.values_size = sizeof(struct log_options),
	.most = 1,
	.first = COMPLETE_SANDBOX,
	.run = run_log,
};

struct approval_options {
	struct format_options format;
};

static int add_approval(struct columns *columns, const json_t *approval)
{
	char seen[48], count[24];

	format_seen(sandbox_text(approval, "last_seen"), seen, sizeof(seen));
	(void)snprintf(count, sizeof(count), "%lld",
		       (long long)json_integer_value(json_object_get(approval, "count")));
	return columns_add(columns, (const char *const[]){
					    sandbox_text(approval, "id"),
					    sandbox_text(approval, "sandbox"),
					    sandbox_text(approval, "resource"),
					    sandbox_text(approval, "protocol"),
					    sandbox_text(approval, "reason"),
					    seen,
					    count,
				    });
}

static int print_approvals(const json_t *list, struct err *err)
{
	static const char *const header[APPROVAL_COLUMNS] = { "ID",	  "SANDBOX", "RESOURCE",
							      "PROTOCOL", "REASON",  "LAST SEEN",
							      "COUNT" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *approval;
	size_t i;
	int r;

	if (json_array_size(list) == 0) {
		(void)puts("Nothing waits for an approval");
		return 0;
	}
	columns_init(&columns, APPROVAL_COLUMNS);
	r = columns_add(&columns, header);
	json_array_foreach((json_t *)list, i, approval)
	{
		if (r == 0)
			r = add_approval(&columns, approval);
	}
	if (r < 0)
		return err_set(err, r, "out of memory");
	columns_print(&columns, stdout);
	return 0;
}

static int run_approvals(const struct invocation *invocation, struct err *err)
{
	const struct approval_options *options = invocation->values;
	json_t *answer;
	int r = get(invocation, "/policy/approvals", &answer, err);

	if (r < 0)
		return r;
	r = format_is_document(&options->format)
		    ? format_print(&options->format, answer, err)
		    : print_approvals(json_object_get(answer, "approvals"), err);
	json_decref(answer);
	return r;
}

static const struct command approval_ls = {
	.name = "ls",
	.alias = "list",
	.summary = "List what was denied because no rule says anything",
	.arguments = "[SANDBOX]",
	.groups = { { .options = format_option_rows } },
	.values_size = sizeof(struct approval_options),
	.most = 1,
	.first = COMPLETE_SANDBOX,
	.run = run_approvals,
};

struct answer_options {
	bool global;
};

static const struct option answer_rows[] = {
	{ .name = "global",
	  .letter = 'g',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct answer_options, global),
	  .help = "for all sandboxes, not only the one that asked" },
	{ .name = NULL },
};

/* The id of what waits under this word: an id, or a resource that one sandbox asked for. */
static int find_id(struct client *client, const char *word, const char **ret, json_t **ret_list,
		   struct err *err)
{
	json_t *answer, *approval;
	unsigned count = 0;
	size_t i;
	int r = client_call(client, "GET", "/policy/approvals", NULL, &answer, err);

	if (r < 0)
		return r;
	json_array_foreach(json_object_get(answer, "approvals"), i, approval)
	{
		if (strcmp(sandbox_text(approval, "id"), word) != 0 &&
		    strcmp(sandbox_text(approval, "resource"), word) != 0)
			continue;
		*ret = sandbox_text(approval, "id");
		count++;
	}
	if (count == 1) {
		*ret_list = answer;
		return 0;
	}
	json_decref(answer);
	if (count == 0)
		return err_set(err, -ENOENT,
			       "nothing waits for an approval as '%s'; see: sbx policy approval ls",
			       word);
	return err_set(err, -EINVAL, "'%s' waits in several sandboxes; use an id", word);
}

static int answer_one(struct client *client, const char *word, const char *decision, bool global,
		      struct err *err)
{
	json_t *list = NULL, *answer, *body;
	const char *id = NULL;
	char path[64];
	int r = find_id(client, word, &id, &list, err);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/policy/approvals/%s", id);
	json_decref(list);
	body = json_pack("{ss ss}", "decision", decision, "scope", global ? "global" : "sandbox");
	r = client_call(client, "POST", path, body, &answer, err);
	json_decref(body);
	if (r < 0)
		return r;
	(void)printf("Rule added to policy local (scope: %s): %s\n",
		     sandbox_text(json_object_get(answer, "rule"), "scope"),
		     sandbox_text(json_object_get(answer, "rule"), "id"));
	json_decref(answer);
	return 0;
}

static int run_answer(const struct invocation *invocation, const char *decision, struct err *err)
{
	const struct answer_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	int r = client_init(&client, invocation, err);

	for (size_t i = 0; r == 0 && i < invocation->count; i++)
		r = answer_one(&client, invocation->args[i], decision, options->global, err);
	return r;
}

static int run_allow(const struct invocation *invocation, struct err *err)
{
	return run_answer(invocation, "allow", err);
}

static int run_deny(const struct invocation *invocation, struct err *err)
{
	return run_answer(invocation, "deny", err);
}

static const struct command approval_allow = {
	.name = "allow",
	.summary = "Allow what waits: a rule is added",
	.arguments = "ID|RESOURCE...",
	.groups = { { .options = answer_rows } },
	.values_size = sizeof(struct answer_options),
	.least = 1,
	.most = ARGUMENTS_MANY,
	.run = run_allow,
};

static const struct command approval_deny = {
	.name = "deny",
	.summary = "Deny what waits, so that it waits no more: a rule is added",
	.arguments = "ID|RESOURCE...",
	.groups = { { .options = answer_rows } },
	.values_size = sizeof(struct answer_options),
	.least = 1,
	.most = ARGUMENTS_MANY,
	.run = run_deny,
};

static const struct command *const approval_commands[] = { &approval_ls, &approval_allow,
							   &approval_deny, NULL };

const struct command policy_approval = {
	.name = "approval",
	.summary = "Answer what sandboxes asked for and no rule covers",
	.commands = approval_commands,
};
