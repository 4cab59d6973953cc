#include "sbxd/record.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/err.h"
#include "sbxd/fast_dirs.h"
#include "sbxd/words.h"

enum { RECORD_VERSION = 1 };

static const char *const status_names[] = {
	[SANDBOX_CREATING] = "creating", [SANDBOX_STOPPED] = "stopped",
	[SANDBOX_STARTING] = "starting", [SANDBOX_RUNNING] = "running",
	[SANDBOX_STOPPING] = "stopping", [SANDBOX_REMOVING] = "removing",
	[SANDBOX_DAMAGED] = "damaged",	 [SANDBOX_GONE] = "gone",
};

const char *sandbox_status_name(enum sandbox_status status)
{
	return status_names[status];
}

static const char *const kit_names[] = {
	[RECORD_KIT_NONE] = "none",
	[RECORD_KIT_PENDING] = "pending",
	[RECORD_KIT_APPLYING] = "applying",
	[RECORD_KIT_APPLIED] = "applied",
};

static int parse_kit(const char *name, enum record_kit *ret)
{
	for (size_t i = 0; name != NULL && i < countof(kit_names); i++) {
		if (strcmp(kit_names[i], name) == 0) {
			*ret = (enum record_kit)i;
			return 0;
		}
	}
	return name == NULL ? 0 : -EINVAL;
}

/* A status that may be in a file. */
static int parse_status(const char *name, enum sandbox_status *ret)
{
	for (size_t i = 0; i < SANDBOX_DAMAGED; i++) {
		if (strcmp(status_names[i], name) == 0) {
			*ret = (enum sandbox_status)i;
			return 0;
		}
	}
	return -EINVAL;
}

void record_init(struct record *record, const char *name)
{
	uint64_t random = 0;

	*record = (struct record){ .status = SANDBOX_CREATING };
	(void)getrandom(&random, sizeof(random), 0);
	(void)snprintf(record->id, sizeof(record->id), "%016" PRIx64, random);
	(void)snprintf(record->name, sizeof(record->name), "%s", name);
}

void record_finish(struct record *record)
{
	free(record->agent);
	free(record->reason);
	free(record->engine);
	free(record->engine_why);
	free(record->kernel);
	template_finish(&record->template);
	free(record->extra_ca);
	mounts_finish(&record->mounts);
	string_list_finish(&record->fast_dirs);
	string_list_finish(&record->env);
	string_list_finish(&record->labels);
	*record = (struct record){ .status = SANDBOX_GONE };
}

int record_set(char **member, const char *text)
{
	char *copy = text == NULL ? NULL : strdup(text);

	if (text != NULL && copy == NULL)
		return -ENOMEM;
	if (copy != NULL)
		words_tidy(copy);
	free(*member);
	*member = copy;
	return 0;
}

static json_t *format_mounts(const struct mounts *mounts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < mounts->count; i++) {
		const struct mount *mount = &mounts->items[i];

		(void)json_array_append_new(list,
					    json_pack("{ss ss sb sb}", "source", mount->source,
						      "target", mount->target, "read_only",
						      mount->read_only, "is_file", mount->is_file));
	}
	return list;
}

static json_t *format_ports(const struct published_list *ports)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ports->count; i++)
		(void)json_array_append_new(list, published_store(&ports->items[i]));
	return list;
}

static json_t *format_processes(const struct record *record)
{
	json_t *list = json_array();

	for (size_t i = 0; i < record->processes_count; i++) {
		const struct record_process *process = &record->processes[i];

		(void)json_array_append_new(list,
					    json_pack("{ss si sI}", "name", process->name, "pid",
						      (int)process->id.pid, "start_ticks",
						      (json_int_t)process->id.start_ticks));
	}
	return list;
}

static json_t *format_template(const struct template *template)
{
	return template->name == NULL ? NULL : template_pack(template);
}

char *record_format(const struct record *record)
{
	json_t *json = json_pack(
		"{si ss ss ss ss ss* ss* ss* ss* so* ss*"
		" si sI sI sI sI sb sb sb sb ss sI sI sI sI so so so so so so}",
		"version", RECORD_VERSION, "id", record->id, "name", record->name, "status",
		sandbox_status_name(record->status), "agent", record->agent, "reason",
		record->reason, "engine", record->engine, "engine_why", record->engine_why,
		"kernel", record->kernel, "template", format_template(&record->template),
		"extra_ca", record->extra_ca, "cpus", (int)record->cpus, "memory",
		(json_int_t)record->memory_bytes, "disk", (json_int_t)record->disk_bytes,
		"docker_disk", (json_int_t)record->docker_disk_bytes, "pids_limit",
		(json_int_t)record->pids_limit, "keep_alive", record->keep_alive, "weak_jail",
		record->weak_jail, "fleeting", record->is_fleeting, "grown", record->grown, "kit",
		kit_names[record->kit], "created_at", (json_int_t)record->created_at, "started_at",
		(json_int_t)record->started_at, "stopped_at", (json_int_t)record->stopped_at,
		"last_used_at", (json_int_t)record->last_used_at, "mounts",
		format_mounts(&record->mounts), "fast_dirs", string_list_pack(&record->fast_dirs),
		"env", string_list_pack(&record->env), "labels", string_list_pack(&record->labels),
		"ports", format_ports(&record->ports), "processes", format_processes(record));
	char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(1));

	json_decref(json);
	return text;
}

static int parse_mounts(json_t *list, struct mounts *ret)
{
	if (!json_is_array(list))
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *source, *target;
		int read_only, is_file, r;
		struct mount mount;

		if (json_unpack_ex(json_array_get(list, i), NULL, JSON_STRICT, "{ss ss sb sb}",
				   "source", &source, "target", &target, "read_only", &read_only,
				   "is_file", &is_file) < 0 ||
		    source[0] != '/' || !mount_target_is_valid(target))
			return -EINVAL;
		mount = (struct mount){ .source = (char *)(uintptr_t)source,
					.target = (char *)(uintptr_t)target,
					.read_only = read_only != 0,
					.is_file = is_file != 0 };
		r = mounts_add_stored(ret, &mount);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_ports(json_t *list, struct published_list *ret)
{
	if (!json_is_array(list))
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct published published;
		int r = published_load(json_array_get(list, i), &published);

		if (r == 0)
			r = published_list_add(ret, &published);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_processes(json_t *list, struct record *ret)
{
	if (!json_is_array(list) || json_array_size(list) > RECORD_PROCESSES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct record_process *process = &ret->processes[i];
		const char *name;
		json_int_t ticks;
		int pid;

		if (json_unpack_ex(json_array_get(list, i), NULL, JSON_STRICT, "{ss si sI}", "name",
				   &name, "pid", &pid, "start_ticks", &ticks) < 0 ||
		    pid <= 1 || ticks < 0 || strlen(name) >= sizeof(process->name))
			return -EINVAL;
		(void)snprintf(process->name, sizeof(process->name), "%s", name);
		process->id = (struct process_id){ .pid = pid, .start_ticks = (uint64_t)ticks };
		ret->processes_count = i + 1;
	}
	return 0;
}

/* The members that are not plain values. */
struct parts {
	const char *id, *name, *status;
	json_t *template, *mounts, *fast_dirs, *env, *labels, *ports, *processes;
	int version, cpus, keep_alive, weak_jail, fleeting, grown;
	json_int_t memory, disk, docker_disk, pids_limit;
	json_int_t created_at, started_at, stopped_at, last_used_at;
	const char *agent, *reason, *engine, *engine_why, *kernel, *image, *extra_ca, *kit;
};

static int unpack(json_t *json, struct parts *parts, struct err *err)
{
	json_error_t error;

	*parts = (struct parts){ .version = 0 };
	if (json_unpack_ex(json, &error, JSON_STRICT,
			   "{si ss ss ss ss s?s s?s s?s s?s s?s s?o s?s"
			   " si sI sI sI s?I sb sb s?b sb s?s sI sI sI sI so s?o so so s?o so}",
			   "version", &parts->version, "id", &parts->id, "name", &parts->name,
			   "status", &parts->status, "agent", &parts->agent, "reason",
			   &parts->reason, "engine", &parts->engine, "engine_why",
			   &parts->engine_why, "kernel", &parts->kernel, "image", &parts->image,
			   "template", &parts->template, "extra_ca", &parts->extra_ca, "cpus",
			   &parts->cpus, "memory", &parts->memory, "disk", &parts->disk,
			   "docker_disk", &parts->docker_disk, "pids_limit", &parts->pids_limit,
			   "keep_alive", &parts->keep_alive, "weak_jail", &parts->weak_jail,
			   "fleeting", &parts->fleeting, "grown", &parts->grown, "kit", &parts->kit,
			   "created_at", &parts->created_at, "started_at", &parts->started_at,
			   "stopped_at", &parts->stopped_at, "last_used_at", &parts->last_used_at,
			   "mounts", &parts->mounts, "fast_dirs", &parts->fast_dirs, "env",
			   &parts->env, "labels", &parts->labels, "ports", &parts->ports,
			   "processes", &parts->processes) < 0)
		return err_set(err, -EINVAL, "%s", error.text);
	if (parts->version != RECORD_VERSION)
		return err_set(err, -EINVAL, "version %d, this daemon knows %d", parts->version,
			       RECORD_VERSION);
	if (parts->cpus < 1 || parts->memory < 0 || parts->disk < 0 || parts->docker_disk < 0 ||
	    parts->pids_limit < 0 || parts->pids_limit > RECORD_PIDS_MAX ||
	    !name_is_valid(parts->name) || strlen(parts->id) != RECORD_ID_SIZE - 1 ||
	    strspn(parts->id, "0123456789abcdef") != RECORD_ID_SIZE - 1)
		return err_set(err, -EINVAL, "a value is outside its limits");
	return 0;
}

static void fill_plain(const struct parts *parts, struct record *ret)
{
	(void)snprintf(ret->id, sizeof(ret->id), "%s", parts->id);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", parts->name);
	ret->cpus = (unsigned)parts->cpus;
	ret->memory_bytes = (uint64_t)parts->memory;
	ret->disk_bytes = (uint64_t)parts->disk;
	ret->docker_disk_bytes = (uint64_t)parts->docker_disk;
	ret->pids_limit = (uint32_t)parts->pids_limit;
	ret->keep_alive = parts->keep_alive != 0;
	ret->weak_jail = parts->weak_jail != 0;
	ret->is_fleeting = parts->fleeting != 0;
	ret->grown = parts->grown != 0;
	ret->created_at = parts->created_at;
	ret->started_at = parts->started_at;
	ret->stopped_at = parts->stopped_at;
	ret->last_used_at = parts->last_used_at;
}

/* "image": the one file of records before there were templates. */
static int fill_template(const struct parts *parts, struct template *ret)
{
	struct err ignored = ERR_INIT;
	int r;

	if (parts->template != NULL)
		return template_unpack(parts->template, ret, &ignored);
	if (parts->image == NULL)
		return 0;
	r = string_list_add(&ret->layers, parts->image);
	return r < 0 ? r : record_set(&ret->name, parts->image);
}

static int fill(const struct parts *parts, struct record *ret)
{
	int r;

	fill_plain(parts, ret);
	r = parse_status(parts->status, &ret->status);
	if (r == 0)
		r = parse_kit(parts->kit, &ret->kit);
	if (r == 0)
		r = record_set(&ret->agent, parts->agent);
	if (r == 0)
		r = record_set(&ret->reason, parts->reason);
	if (r == 0)
		r = record_set(&ret->engine, parts->engine);
	if (r == 0)
		r = record_set(&ret->engine_why, parts->engine_why);
	if (r == 0)
		r = record_set(&ret->kernel, parts->kernel);
	if (r == 0)
		r = fill_template(parts, &ret->template);
	if (r == 0)
		r = record_set(&ret->extra_ca, parts->extra_ca);
	if (r == 0)
		r = parse_mounts(parts->mounts, &ret->mounts);
	if (r == 0 && parts->fast_dirs != NULL)
		r = string_list_unpack(parts->fast_dirs, FAST_DIRS_MAX, &ret->fast_dirs);
	if (r == 0)
		r = string_list_unpack(parts->env, RECORD_ENV_MAX, &ret->env);
	if (r == 0)
		r = string_list_unpack(parts->labels, RECORD_LABELS_MAX, &ret->labels);
	if (r == 0 && parts->ports != NULL)
		r = parse_ports(parts->ports, &ret->ports);
	if (r == 0)
		r = parse_processes(parts->processes, ret);
	return r;
}

int record_parse(const char *text, size_t len, struct record *ret, struct err *err)
{
	struct record record = { .status = SANDBOX_STOPPED };
	struct parts parts;
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	int r;

	if (json == NULL)
		return err_set(err, -EINVAL, "line %d: %s", error.line, error.text);
	r = unpack(json, &parts, err);
	if (r == 0) {
		r = fill(&parts, &record);
		if (r < 0)
			(void)err_set(err, r, "a value is outside its limits");
	}
	json_decref(json);
	if (r < 0)
		record_finish(&record);
	else
		*ret = record;
	return r;
}
