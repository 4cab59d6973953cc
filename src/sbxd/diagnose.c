#include "sbxd/diagnose.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "engine/engine.h"
#include "jail/inspect.h"
#include "sbxd/diagnose_report.h"
#include "sbxd/sandbox.h"
#include "sbxd/supervisor.h"
#include "sbxd/view.h"

static const char *const verdict_names[VERDICTS] = { "pass", "warn", "fail", "skip" };

void report_add(struct report *report, const struct finding *finding)
{
	report->counts[finding->verdict]++;
	(void)json_array_append_new(
		report->checks,
		json_pack("{ss ss ss ss ss* ss*}", "group", finding->group, "name", finding->name,
			  "status", verdict_names[finding->verdict], "message", finding->message,
			  "detail", finding->detail, "hint", finding->hint));
}

static void check_installation(struct report *report)
{
	for (size_t i = 0; i < ARTEFACT_COUNT; i++) {
		struct err err = ERR_INIT;
		enum artefact artefact = (enum artefact)i;
		const char *path = artefacts_need(&report->supervisor->artefacts, artefact, &err);

		report_add(report, &(struct finding){ "Installation", artefact_name(artefact),
						      path != NULL ? "found" : err.text, path, NULL,
						      path != NULL ? VERDICT_PASS : VERDICT_FAIL });
	}
	report_add(report,
		   &(struct finding){ "Installation", "mke2fs",
				      access("/sbin/mke2fs", X_OK) == 0 ? "found" : "missing",
				      "/sbin/mke2fs", "apt-get install e2fsprogs",
				      access("/sbin/mke2fs", X_OK) == 0 ? VERDICT_PASS
									: VERDICT_FAIL });
}

/* A jail forbids further ones by a file below /proc/sys; see jail/spawn_child.c. */
static const char *judge_namespaces(bool offered)
{
	struct statvfs settings = { .f_flag = 0 };

	if (!offered)
		return "missing";
	if (statvfs("/proc/sys/user", &settings) == 0 && (settings.f_flag & ST_RDONLY) != 0)
		return "offered by the kernel; /proc/sys is read-only here, so that seccomp and "
		       "landlock alone keep jailed programs from making further ones";
	return "offered by the kernel";
}

static void check_landlock(struct report *report)
{
	int abi = jail_landlock_abi();
	char text[64] = "missing";

	if (abi > 0)
		(void)snprintf(text, sizeof(text), "offered by the kernel, version %d", abi);
	report_add(report, &(struct finding){ "Platform", "Landlock", text, NULL,
					      "the kernel needs it built in and listed in lsm=",
					      abi > 0 ? VERDICT_PASS : VERDICT_FAIL });
}

static void check_platform(struct report *report)
{
	const struct engine_impl *engine = NULL;
	struct err why = ERR_INIT;
	int r = engine_choose("auto", &engine, &why);
	bool has_namespaces = access("/proc/self/ns/user", F_OK) == 0;
	bool has_seccomp = access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0;

	report_add(report,
		   &(struct finding){ "Platform", "Engine", r == 0 ? engine->name : "none",
				      why.text, NULL, r == 0 ? VERDICT_PASS : VERDICT_FAIL });
	report_add(report, &(struct finding){ "Platform", "User namespaces",
					      judge_namespaces(has_namespaces), NULL, NULL,
					      has_namespaces ? VERDICT_PASS : VERDICT_FAIL });
	report_add(report,
		   &(struct finding){ "Platform", "Seccomp",
				      has_seccomp ? "offered by the kernel" : "missing", NULL, NULL,
				      has_seccomp ? VERDICT_PASS : VERDICT_FAIL });
	check_landlock(report);
}

static void check_folder(struct report *report, const char *name, const char *path)
{
	bool is_private;
	struct stat st;

	if (stat(path, &st) < 0 || access(path, R_OK | W_OK | X_OK) < 0) {
		report_add(report, &(struct finding){ "Storage", name, "cannot be used", path, NULL,
						      VERDICT_FAIL });
		return;
	}
	is_private = st.st_uid == geteuid() && (st.st_mode & 077) == 0;
	report_add(report,
		   &(struct finding){ "Storage", name,
				      is_private ? "private and writable" : "open to others", path,
				      NULL, is_private ? VERDICT_PASS : VERDICT_FAIL });
}

static void check_storage(struct report *report)
{
	const struct paths *paths = &report->supervisor->paths;
	uint64_t room = 0;
	char text[64];

	check_folder(report, "State directory", paths->state);
	check_folder(report, "Run directory", paths->run);
	(void)host_free_space(paths->state, &room);
	(void)snprintf(text, sizeof(text), "%" PRIu64 " MiB", room >> 20);
	report_add(report, &(struct finding){ "Storage", "Free space", text, paths->state, NULL,
					      room >> 30 >= 2	? VERDICT_PASS
					      : room >> 20 > 64 ? VERDICT_WARN
								: VERDICT_FAIL });
}

static json_t *view_namespaces(unsigned own)
{
	static const struct {
		enum jail_namespace bit;
		const char *name;
	} names[] = {
		{ JAIL_NS_USER, "user" }, { JAIL_NS_MOUNT, "mount" }, { JAIL_NS_PID, "pid" },
		{ JAIL_NS_IPC, "ipc" },	  { JAIL_NS_UTS, "uts" },     { JAIL_NS_NET, "net" }
	};
	json_t *list = json_array();

	for (size_t i = 0; i < countof(names); i++)
		if ((own & names[i].bit) != 0)
			(void)json_array_append_new(list, json_string(names[i].name));
	return list;
}

/* What every process of a sandbox must show; sbx-net alone has the host's network. */
static bool is_locked_in(const char *name, const struct jail_report *jail)
{
	const unsigned all = JAIL_NS_USER | JAIL_NS_MOUNT | JAIL_NS_PID | JAIL_NS_IPC |
			     JAIL_NS_UTS | (strcmp(name, "sbx-net") == 0 ? 0u : JAIL_NS_NET);

	return (jail->own_namespaces & all) == all && jail->capabilities == 0 &&
	       jail->seccomp_mode == 2 && jail->no_new_privs && jail->root_is_empty;
}

/* sbx-fs on an older kernel has nothing that landlock could rule: see jail/landlock_linux.c. */
static const char *judge_landlock(const char *name, const struct jail_report *jail, bool is_weak)
{
	if (is_weak)
		return "unknown";
	return jail_has_landlock(jail, strcmp(name, "sbx-fs") == 0) ? "yes" : "no";
}

static json_t *inspect_process(const struct record_process *process, bool is_weak, bool *all_locked)
{
	struct jail_report jail;
	int pid = process->id.pid;

	if (jail_inspect(pid, &jail) < 0) {
		*all_locked = false;
		return json_pack("{ss si}", "name", process->name, "pid", pid);
	}
	*all_locked = *all_locked && is_locked_in(process->name, &jail);
	return json_pack("{ss si sI so sI si si sb sb ss}", "name", process->name, "pid", pid,
			 "pss", (json_int_t)view_memory(pid).own, "namespaces",
			 view_namespaces(jail.own_namespaces), "capabilities",
			 (json_int_t)jail.capabilities, "seccomp", jail.seccomp_mode,
			 "seccomp_filters", (int)jail.seccomp_filters, "no_new_privs",
			 (int)jail.no_new_privs, "empty_root", (int)jail.root_is_empty, "landlock",
			 judge_landlock(process->name, &jail, is_weak));
}

/* Of a weak one some steps cannot be seen from here: it is not known to be whole. */
static void judge_sandbox(struct report *report, const char *name, bool is_weak, bool all_locked)
{
	struct finding finding = { "Jail", name, "every process is locked in",
				   NULL,   NULL, VERDICT_PASS };

	if (!all_locked) {
		finding.message = "a process is not locked in as it should be";
		finding.verdict = VERDICT_FAIL;
	} else if (is_weak) {
		finding.message =
			"locked in as far as the kernel tells; made with "
			"--allow-weak-jail, so landlock may be missing";
		finding.verdict = VERDICT_WARN;
	}
	report_add(report, &finding);
}

static void check_sandbox(struct report *report, struct sandbox *sandbox)
{
	struct record_process processes[RECORD_PROCESSES_MAX];
	json_t *list = json_array();
	bool all_locked = true, is_weak;
	size_t count = 0;

	(void)pthread_mutex_lock(&sandbox->lock);
	if (sandbox->record.status == SANDBOX_RUNNING)
		count = sandbox->record.processes_count;
	memcpy(processes, sandbox->record.processes, sizeof(processes));
	is_weak = sandbox->record.weak_jail;
	(void)pthread_mutex_unlock(&sandbox->lock);
	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list,
					    inspect_process(&processes[i], is_weak, &all_locked));
	if (count == 0) {
		json_decref(list);
		return;
	}
	(void)json_array_append_new(
		report->sandboxes,
		json_pack("{ss so}", "name", sandbox->record.name, "processes", list));
	judge_sandbox(report, sandbox->record.name, is_weak, all_locked);
	diagnose_sandbox_network(report, sandbox);
}

static void check_sandboxes(struct report *report)
{
	size_t count = 0;
	autofree struct sandbox **all = supervisor_list(report->supervisor, &count);

	for (size_t i = 0; i < count; i++) {
		check_sandbox(report, all[i]);
		supervisor_put(all[i]);
	}
	if (json_array_size(report->sandboxes) == 0)
		report_add(report, &(struct finding){ "Jail", "Processes", "no sandbox runs", NULL,
						      "start one to see how it is locked in",
						      VERDICT_SKIP });
}

json_t *diagnose_all(struct supervisor *supervisor)
{
	struct report report = { .supervisor = supervisor,
				 .checks = json_array(),
				 .sandboxes = json_array() };

	check_installation(&report);
	check_platform(&report);
	check_storage(&report);
	report_add(&report, &(struct finding){ "Connection", "Daemon", "answers",
					       supervisor->paths.socket, NULL, VERDICT_PASS });
	diagnose_network(&report);
	check_sandboxes(&report);
	return json_pack("{ss so s{si si si si} so}", "version", "1.0", "checks", report.checks,
			 "summary", "pass", report.counts[VERDICT_PASS], "warn",
			 report.counts[VERDICT_WARN], "fail", report.counts[VERDICT_FAIL], "skip",
			 report.counts[VERDICT_SKIP], "sandboxes", report.sandboxes);
}
