#include "sbxd/view.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "sbxd/disk.h"
#include "sbxd/kit.h"
#include "sbxd/policy_store.h"
#include "sbxd/sandbox.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"
#include "sbxd/workspace.h"

json_t *view_time(int64_t seconds)
{
	time_t when = seconds;
	struct tm parts;
	char text[40];

	if (seconds == 0 || gmtime_r(&when, &parts) == NULL)
		return NULL;
	if (strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		return NULL;
	return json_string(text);
}

json_t *view_bytes(const char *bytes, size_t len)
{
	autofree char *text = strndup(bytes, len);

	for (char *c = text; c != NULL && *c != '\0'; c++)
		if ((*c < ' ' || *c > '~') && *c != '\n' && *c != '\t')
			*c = '?';
	return text == NULL ? NULL : json_string(text);
}

json_t *view_text(const char *text)
{
	json_t *json = json_string(text);

	return json != NULL ? json : view_bytes(text, strlen(text));
}

static json_t *view_mounts(const struct mounts *mounts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < mounts->count; i++)
		(void)json_array_append_new(list, json_pack("{ss ss sb}", "source",
							    mounts->items[i].source, "target",
							    mounts->items[i].target, "read_only",
							    mounts->items[i].read_only));
	return list;
}

static json_t *view_labels(const struct string_list *labels)
{
	json_t *object = json_object();

	for (size_t i = 0; i < labels->count; i++) {
		const char *equals = strchr(labels->items[i], '=');
		autofree char *key = equals == NULL ? NULL
						    : strndup(labels->items[i],
							      (size_t)(equals - labels->items[i]));

		if (key != NULL)
			(void)json_object_set_new(object, key, json_string(equals + 1));
	}
	return object;
}

static json_t *view_ports(const struct published_list *ports)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ports->count; i++)
		(void)json_array_append_new(list, published_view(&ports->items[i]));
	return list;
}

static json_t *view_locked(const struct sandbox *sandbox)
{
	const struct record *record = &sandbox->record;
	const struct mounts *mounts = &record->mounts;
	json_t *json;

	if (record->status == SANDBOX_DAMAGED)
		return json_pack("{ss ss ss ss*}", "id", record->id, "name", record->name, "status",
				 "damaged", "reason", record->reason);
	json = json_pack(
		"{ss ss ss* ss ss* ss* so si sI sI sI sI ss* ss* ss* ss* so sb sb sb so* so* so* "
		"so*}",
		"id", record->id, "name", record->name, "agent", record->agent, "status",
		sandbox_status_name(record->status), "reason", record->reason, "workspace",
		workspace_of(record), "mounts", view_mounts(mounts), "cpus", (int)record->cpus,
		"memory", (json_int_t)record->memory_bytes, "disk", (json_int_t)record->disk_bytes,
		"docker_disk", (json_int_t)record->docker_disk_bytes, "pids_limit",
		(json_int_t)record->pids_limit, "engine", record->engine, "template",
		record->template.name, "template_id", record->template.id, "kernel", record->kernel,
		"labels", view_labels(&record->labels), "keep_alive", record->keep_alive,
		"fleeting", record->is_fleeting, "allow_weak_jail", record->weak_jail, "created_at",
		view_time(record->created_at), "started_at", view_time(record->started_at),
		"stopped_at", view_time(record->stopped_at), "last_used_at",
		view_time(record->last_used_at));
	if (sandbox->kit != NULL)
		(void)json_object_set_new(json, "kit", kit_view(sandbox->kit));
	if (record->fast_dirs.count > 0)
		(void)json_object_set_new(json, "fast_dirs", string_list_pack(&record->fast_dirs));
	if (record->ports.count > 0)
		(void)json_object_set_new(json, "ports", view_ports(&record->ports));
	if (record->status == SANDBOX_RUNNING) {
		(void)json_object_set_new(json, "sessions", json_integer(sandbox->sessions));
		(void)json_object_set_new(json, "busy", json_integer(sandbox->busy));
	}
	return json;
}

json_t *view_sandbox(struct sandbox *sandbox)
{
	json_t *json;

	(void)pthread_mutex_lock(&sandbox->lock);
	json = view_locked(sandbox);
	(void)pthread_mutex_unlock(&sandbox->lock);
	return json;
}

json_t *view_existing(struct sandbox *sandbox)
{
	json_t *json = view_sandbox(sandbox);

	(void)json_object_set_new(json, "existed", json_true());
	return json;
}

json_t *view_removed(struct sandbox *sandbox)
{
	return json_pack("{ss}", "removed", sandbox->record.name);
}

/* The line "\nNAME: N kB" of a rollup, in bytes. */
static uint64_t rollup_bytes(const char *rollup, const char *name)
{
	const char *found = strstr(rollup, name);
	unsigned long kib;

	if (found == NULL || sscanf(found + strlen(name), " %lu kB", &kib) != 1)
		return 0;
	return kib * 1024ull;
}

struct view_memory view_memory(int pid)
{
	struct view_memory memory = { 0 };
	char path[64];
	struct buf text;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	buf_init(&text, 8192);
	if (file_read(AT_FDCWD, path, &text) == 0 && buf_str(&text) != NULL) {
		memory.guest = rollup_bytes(buf_str(&text), "\nPss_Shmem:");
		memory.own = rollup_bytes(buf_str(&text), "\nPss:") - memory.guest;
	}
	buf_finish(&text);
	return memory;
}

static json_t *view_processes(const struct record_process *processes, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct record_process *process = &processes[i];
		struct view_memory memory = view_memory(process->id.pid);

		(void)json_array_append_new(list, json_pack("{ss si sI sI}", "name", process->name,
							    "pid", (int)process->id.pid, "pss",
							    (json_int_t)memory.own, "guest_memory",
							    (json_int_t)memory.guest));
	}
	return list;
}

static json_t *view_disks(const struct sandbox *sandbox)
{
	static const struct {
		const char *name, *file;
	} disks[] = { { "disk", "disk.img" }, { "docker_disk", "docker.img" } };
	json_t *list = json_array();

	for (size_t i = 0; i < countof(disks); i++) {
		autofree char *path = path_join(sandbox->folder, disks[i].file);
		uint64_t size, allocated;

		if (path == NULL || disk_measure(path, &size, &allocated) < 0)
			continue;
		(void)json_array_append_new(list, json_pack("{ss ss sI sI}", "name", disks[i].name,
							    "path", path, "size", (json_int_t)size,
							    "allocated", (json_int_t)allocated));
	}
	return list;
}

json_t *view_inspect(struct sandbox *sandbox)
{
	const struct record *record = &sandbox->record;
	struct record_process processes[RECORD_PROCESSES_MAX];
	size_t count;
	json_t *json, *env, *layers;
	int64_t started_at = 0;

	(void)pthread_mutex_lock(&sandbox->lock);
	json = view_locked(sandbox);
	env = string_list_pack(&record->env);
	layers = string_list_pack(&record->template.layers);
	if (record->status == SANDBOX_RUNNING)
		started_at = record->started_at;
	(void)json_object_set_new(
		json, "engine_why",
		json_string(record->engine_why != NULL ? record->engine_why : ""));
	count = record->processes_count;
	memcpy(processes, record->processes, sizeof(processes));
	(void)pthread_mutex_unlock(&sandbox->lock);
	(void)json_object_set_new(json, "processes", view_processes(processes, count));
	(void)json_object_set_new(json, "env", env);
	(void)json_object_set_new(json, "layers", layers);
	if (started_at != 0)
		(void)json_object_set_new(json, "uptime", json_integer(time(NULL) - started_at));
	(void)json_object_set_new(json, "state_dir", json_string(sandbox->folder));
	(void)json_object_set_new(json, "run_dir", json_string(sandbox->run_folder));
	(void)json_object_set_new(json, "disks", view_disks(sandbox));
	(void)json_object_set_new(json, "policy",
				  policy_store_describe(sandbox->supervisor->policy, record->name));
	(void)json_object_set_new(json, "secrets",
				  secret_store_names(sandbox->supervisor->secrets, record->name));
	return json;
}
