#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/columns.h"
#include "sbx/daemon.h"
#include "sbx/format.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"

struct diagnose_options {
	const char *format;
};

static const char *const formats[] = { "text", "json", "yaml", "github-issue", NULL };

static const struct option rows[] = {
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_STRING,
	  .argument = "FORMAT",
	  .choices = formats,
	  .offset = offsetof(struct diagnose_options, format),
	  .help = "text, json, yaml or github-issue (default: text)" },
	{ .name = "format",
	  .kind = OPTION_STRING,
	  .argument = "FORMAT",
	  .choices = formats,
	  .offset = offsetof(struct diagnose_options, format),
	  .help = "the same as --output" },
	{ .name = "json",
	  .kind = OPTION_PRESET,
	  .preset = "json",
	  .offset = offsetof(struct diagnose_options, format),
	  .help = "the same as --output json" },
	{ .name = NULL },
};

/* The order of groups on paper. */
static const char *const groups[] = { "Installation", "Platform", "Storage",
				      "Connection",   "Network",  "Jail" };

static const struct status_row {
	const char *name;
	const char *mark;
} statuses[] = { { "pass", "✓" }, { "warn", "⚠" }, { "fail", "✗" }, { "skip", "-" } };

/* Adds a check of the client's own. Texts may be NULL. */
static int add_check(json_t *report, const char *group, const char *name, const char *status,
		     const char *message, const char *hint)
{
	json_t *check = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "group", group, "name", name,
				  "status", status, "message", message, "hint", hint);

	return json_array_append_new(json_object_get(report, "checks"), check);
}

static int check_program(json_t *report)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[max_of(n, (ssize_t)0)] = '\0';
	return add_check(report, "Installation", "CLI binary", "pass", path, NULL) |
	       add_check(report, "Installation", "Binary version", "pass", SBX_VERSION, NULL);
}

static int check_daemon(json_t *report, const json_t *health, uint64_t took_ms)
{
	const char *version = sandbox_text(health, "version");
	bool same = strcmp(version, SBX_VERSION) == 0;
	char message[96];
	int r;

	(void)snprintf(message, sizeof(message), "healthy, version %.32s", version);
	r = add_check(report, "Installation", "Daemon", "pass", message, NULL);
	(void)snprintf(message, sizeof(message), "sbx %s, sbxd %.32s", SBX_VERSION, version);
	r |= add_check(report, "Connection", "Version match", same ? "pass" : "warn", message,
		       same ? NULL : "run 'sbx daemon restart'; sandboxes go on");
	(void)snprintf(message, sizeof(message), "answered in %llu ms",
		       (unsigned long long)took_ms);
	return r | add_check(report, "Connection", "Socket responsive", "pass", message, NULL);
}

/* Takes over what the daemon found; a check that this program made itself is not repeated. */
static int merge(json_t *report, const json_t *found)
{
	json_t *checks = json_object_get(report, "checks"), *check, *own;
	size_t i, j;
	int r = 0;

	json_array_foreach(json_object_get(found, "checks"), i, check)
	{
		bool known = false;

		json_array_foreach(checks, j, own)
		{
			known |=
				strcmp(sandbox_text(own, "name"), sandbox_text(check, "name")) == 0;
		}
		if (!known)
			r |= json_array_append(checks, check);
	}
	if (json_object_get(found, "sandboxes") != NULL)
		r |= json_object_set(report, "sandboxes", json_object_get(found, "sandboxes"));
	return r;
}

/* Without a daemon that is the finding, not a failure of this command. */
static int ask_daemon(const struct invocation *invocation, json_t *report)
{
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct err err = ERR_INIT;
	json_t *health = NULL, *found = NULL;
	uint64_t started_ms;
	int r = client_init(&client, invocation, &err);

	client.quiet = true;
	if (r == 0)
		r = client_call(&client, "GET", "/daemon/health", NULL, &health, &err);
	if (r == 0) {
		json_decref(health);
		started_ms = clock_now_ms();
		r = client_call(&client, "GET", "/daemon/health", NULL, &health, &err);
	}
	if (r == 0) {
		(void)check_daemon(report, health, clock_now_ms() - started_ms);
		json_decref(health);
		client.timeout_ms = CLIENT_SLOW_MS;
		r = client_call(&client, "GET", "/diagnose", NULL, &found, &err);
	}
	if (r == 0)
		r = merge(report, found);
	else
		r = add_check(report, "Installation", "Daemon diagnostics", "fail", err.text,
			      "see its log, 'sbx daemon status' tells where");
	json_decref(found);
	return r;
}

static int count_status(const json_t *report, const char *status)
{
	json_t *check;
	size_t i;
	int count = 0;

	json_array_foreach(json_object_get(report, "checks"), i, check)
	{
		count += strcmp(sandbox_text(check, "status"), status) == 0 ? 1 : 0;
	}
	return count;
}

static int summarise(json_t *report)
{
	json_t *summary = json_object();
	int r = 0;

	for (size_t i = 0; i < countof(statuses); i++)
		r |= json_object_set_new(summary, statuses[i].name,
					 json_integer(count_status(report, statuses[i].name)));
	return r | json_object_set_new(report, "summary", summary);
}

static void print_indented(const char *text)
{
	if (*text == '\0')
		return;
	(void)fputs("    ", stdout);
	(void)terminal_print_safe(stdout, text);
	(void)putchar('\n');
}

static void print_check(const json_t *check)
{
	const char *mark = "-";

	for (size_t i = 0; i < countof(statuses); i++) {
		if (strcmp(statuses[i].name, sandbox_text(check, "status")) == 0)
			mark = statuses[i].mark;
	}
	(void)printf("%s ", mark);
	(void)terminal_print_safe(stdout, sandbox_text(check, "name"));
	(void)fputs(" — ", stdout);
	(void)terminal_print_safe(stdout, sandbox_text(check, "message"));
	(void)putchar('\n');
	print_indented(sandbox_text(check, "detail"));
	if (strcmp(sandbox_text(check, "status"), "pass") != 0)
		print_indented(sandbox_text(check, "hint"));
}

static void print_checks(const json_t *report)
{
	json_t *check;
	size_t i;

	for (size_t g = 0; g < countof(groups); g++) {
		bool first = true;

		json_array_foreach(json_object_get(report, "checks"), i, check)
		{
			if (strcmp(sandbox_text(check, "group"), groups[g]) != 0)
				continue;
			if (first)
				(void)printf("%s%s\n", g > 0 ? "\n" : "", groups[g]);
			first = false;
			print_check(check);
		}
	}
}

/* "user,mount,pid": the namespaces a process has for itself. */
static void join(const json_t *names, char *ret, size_t size)
{
	json_t *name;
	size_t i, len = 0;

	ret[0] = '\0';
	json_array_foreach(names, i, name)
	{
		int n = snprintf(ret + len, size - len, "%s%s", i > 0 ? "," : "",
				 json_string_value(name));

		if (n > 0 && (size_t)n < size - len)
			len += (size_t)n;
	}
}

static int add_process(struct columns *columns, const char *sandbox, const json_t *process)
{
	char pid[24], memory[24], namespaces[64], capabilities[24], seccomp[24];
	const char *row[] = {
		sandbox,
		sandbox_text(process, "name"),
		pid,
		memory,
		namespaces,
		capabilities,
		seccomp,
		json_is_true(json_object_get(process, "no_new_privs")) ? "yes" : "NO",
		json_is_true(json_object_get(process, "empty_root")) ? "yes" : "NO",
		sandbox_text(process, "landlock"),
	};

	(void)snprintf(pid, sizeof(pid), "%lld",
		       (long long)json_integer_value(json_object_get(process, "pid")));
	report_size((uint64_t)json_integer_value(json_object_get(process, "pss")), memory,
		    sizeof(memory));
	join(json_object_get(process, "namespaces"), namespaces, sizeof(namespaces));
	(void)snprintf(capabilities, sizeof(capabilities), "%llx",
		       (long long)json_integer_value(json_object_get(process, "capabilities")));
	(void)snprintf(seccomp, sizeof(seccomp), "%s",
		       json_integer_value(json_object_get(process, "seccomp")) == 2 ? "filter"
										    : "NO");
	return columns_add(columns, row);
}

/* What the kernel says of the processes of running sandboxes. */
static int print_jails(const json_t *report, struct err *err)
{
	static const char *const header[] = { "SANDBOX", "PROCESS",	 "PID",
					      "MEMORY",	 "NAMESPACES",	 "CAPABILITIES",
					      "SECCOMP", "NO NEW PRIVS", "EMPTY ROOT",
					      "LANDLOCK" };
	autocall(columns_finish) struct columns columns = { .cells = NULL };
	json_t *sandbox, *process;
	size_t i, j;
	int r;

	if (json_array_size(json_object_get(report, "sandboxes")) == 0)
		return 0;
	columns_init(&columns, countof(header));
	r = columns_add(&columns, header);
	json_array_foreach(json_object_get(report, "sandboxes"), i, sandbox)
	{
		json_array_foreach(json_object_get(sandbox, "processes"), j, process)
		{
			r |= add_process(&columns, sandbox_text(sandbox, "name"), process);
		}
	}
	if (r < 0)
		return err_set(err, -ENOMEM, "out of memory");
	(void)putchar('\n');
	columns_print(&columns, stdout);
	return 0;
}

static int print_text(const json_t *report, struct err *err)
{
	static const char *const words[] = { "passed", "with warnings", "failed", "skipped" };
	bool first = true;
	int r;

	print_checks(report);
	r = print_jails(report, err);
	(void)puts("\n────────────────────────────────────────");
	for (size_t i = 0; i < countof(statuses); i++) {
		int count = count_status(report, statuses[i].name);

		if (count == 0 && i > 0)
			continue;
		(void)printf("%s%d %s", first ? "" : ", ", count, words[i]);
		first = false;
	}
	(void)putchar('\n');
	return r;
}

/* A cell of a Markdown table: a bar would end it, and control characters drive a terminal. */
static void print_cell(const char *text)
{
	for (; *text != '\0'; text++) {
		bool control = (unsigned char)*text < ' ' || *text == 0x7f;
		char safe[2] = { *text, '\0' };

		(void)fputs(*text == '|' ? "\\|" : control ? " " : safe, stdout);
	}
}

static void print_issue(const json_t *report)
{
	struct utsname host = { .release = "unknown" };
	json_t *check;
	size_t i;

	(void)uname(&host);
	(void)printf("- OS: %s %s\n- Arch: %s\n- sbx: %s\n\n", host.sysname, host.release,
		     host.machine, SBX_VERSION);
	(void)puts("| Check | Status | Message |\n|---|---|---|");
	json_array_foreach(json_object_get(report, "checks"), i, check)
	{
		(void)fputs("| ", stdout);
		print_cell(sandbox_text(check, "name"));
		(void)printf(" | %s | ", sandbox_text(check, "status"));
		print_cell(sandbox_text(check, "message"));
		(void)puts(" |");
	}
}

static int print_report(const json_t *report, const char *format, struct err *err)
{
	const struct format_options machine = { .format = format };

	if (format_is_document(&machine))
		return format_print(&machine, report, err);
	if (format == NULL || strcmp(format, "text") == 0)
		return print_text(report, err);
	print_issue(report);
	return 0;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct diagnose_options *options = invocation->values;
	json_t *report = json_pack("{s:s, s:[], s:[]}", "version", "1.0", "checks", "sandboxes");
	int r = check_program(report);

	r |= ask_daemon(invocation, report);
	r |= summarise(report);
	if (r < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	else
		r = print_report(report, options->format, err);
	if (r == 0 && count_status(report, "fail") > 0)
		r = EXIT_FAILURE;
	json_decref(report);
	return r;
}

const struct command cmd_diagnose = {
	.name = "diagnose",
	.summary = "Check the installation, and how running sandboxes are locked in",
	.description =
		"What is said of the processes of running sandboxes is read from the kernel.\n"
		"The exit status is 1 when a check failed.",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct diagnose_options),
	.run = run,
};
