#include "sbxd/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/log.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/cgroup.h"
#include "sbxd/disk.h"
#include "sbxd/kit.h"
#include "sbxd/policy_store.h"
#include "sbxd/ports.h"
#include "sbxd/run.h"
#include "sbxd/sandbox.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_store.h"

enum { KEEPER_STACK_BYTES = 256 * 1024, IDLE_STOP_S = 10 };

/* What the keeper does next. */
enum step { STEP_CREATE, STEP_START, STEP_WATCH, STEP_REMOVE, STEP_NONE };

static enum step next_step(struct sandbox *sandbox)
{
	enum step step = STEP_NONE;

	(void)pthread_mutex_lock(&sandbox->lock);
	if (sandbox->record.status == SANDBOX_GONE)
		sandbox->keeper_runs = false;
	else if (sandbox->record.status == SANDBOX_CREATING && !sandbox->want_remove)
		step = STEP_CREATE;
	else if (sandbox->adopted != NULL)
		step = STEP_WATCH;
	else if (sandbox->want_remove)
		step = STEP_REMOVE;
	else if (sandbox->want_start)
		step = STEP_START;
	else
		sandbox->keeper_runs = false;
	if (step == STEP_START)
		sandbox->want_start = false;
	if (step == STEP_NONE && sandbox->want_stop) {
		sandbox->want_stop = false;
		sandbox->finished[SANDBOX_STOP]++;
		(void)pthread_cond_broadcast(&sandbox->changed);
	}
	(void)pthread_mutex_unlock(&sandbox->lock);
	return step;
}

static void save_or_log(struct sandbox *sandbox)
{
	struct err err = ERR_INIT;

	if (sandbox_save(sandbox, &err) < 0)
		log_error("%s", err.text);
}

static int make_disks(struct sandbox *sandbox, struct err *err)
{
	autofree char *disk = path_join(sandbox->folder, "disk.img");
	autofree char *docker = path_join(sandbox->folder, "docker.img");
	const struct disk_wanted disks[] = {
		{ .path = disk, .bytes = sandbox->record.disk_bytes },
		{ .path = docker, .bytes = sandbox->record.docker_disk_bytes },
	};

	if (disk == NULL || docker == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	return disk_make(disks, countof(disks), err);
}

/* All that belongs to it, wherever. */
static int delete_files(struct sandbox *sandbox, struct err *err)
{
	int r = file_remove_tree(AT_FDCWD, sandbox->run_folder);

	if (r == 0)
		r = file_remove_tree(AT_FDCWD, sandbox->folder);
	secret_store_forget_sandbox(sandbox->supervisor->secrets, sandbox->record.name);
	return r < 0 ? err_set_errno(err, r, "cannot delete the files of sandbox '%s'",
				     sandbox->record.name)
		     : 0;
}

/* Leaves the table: the name is free from now on. */
static void leave(struct sandbox *sandbox, enum sandbox_operation operation,
		  const struct err *failure)
{
	policy_store_forget(sandbox->supervisor->policy, sandbox->record.name);
	supervisor_remove(sandbox->supervisor, sandbox);
	template_store_collect(sandbox->supervisor->store, sandbox->supervisor);
	sandbox_finish_operation(sandbox, operation, failure);
	sandbox_set_status(sandbox, SANDBOX_GONE);
}

/* What it may see of this machine is told with it. */
static void audit_creation(struct sandbox *sandbox)
{
	json_t *mounts = json_array();

	for (size_t i = 0; i < sandbox->record.mounts.count; i++) {
		const struct mount *mount = &sandbox->record.mounts.items[i];

		(void)json_array_append_new(mounts, json_pack("{ss ss sb}", "source", mount->source,
							      "target", mount->target, "read_only",
							      mount->read_only));
	}
	supervisor_audit(sandbox->supervisor, "sandbox", sandbox->record.name,
			 json_pack("{ss so}", "change", "create", "mounts", mounts));
}

static void create(struct sandbox *sandbox)
{
	struct err err = ERR_INIT, ignored = ERR_INIT;
	int r = 0;

	sandbox_set_progress(sandbox, "Making disks");
	if (mkdir(sandbox->folder, 0700) < 0)
		r = err_set_errno(&err, -errno, "cannot make the folder '%s'", sandbox->folder);
	if (r == 0)
		r = sandbox_save(sandbox, &err); /* as `creating`: a restarted daemon removes it */
	if (r == 0 && sandbox->kit != NULL)
		r = kit_keep(sandbox->kit, sandbox->folder, &err);
	if (r == 0)
		r = make_disks(sandbox, &err);
	if (r == 0) {
		sandbox_set_status(sandbox, SANDBOX_STOPPED);
		r = sandbox_save(sandbox, &err);
	}
	if (r < 0) {
		(void)delete_files(sandbox, &ignored);
		ports_close_all(sandbox->supervisor->ports, sandbox);
		leave(sandbox, SANDBOX_CREATE, &err);
		return;
	}
	log_info("sandbox '%s' was created", sandbox->record.name);
	audit_creation(sandbox);
	sandbox_finish_operation(sandbox, SANDBOX_CREATE, NULL);
}

static void remove_sandbox(struct sandbox *sandbox)
{
	bool is_damaged = sandbox->record.status == SANDBOX_DAMAGED; /* nothing to write down */
	struct err err = ERR_INIT;

	sandbox_set_progress(sandbox, "Removing");
	ports_close_all(sandbox->supervisor->ports, sandbox);
	sandbox_set_status(sandbox, SANDBOX_REMOVING);
	if (!is_damaged)
		save_or_log(sandbox);
	if (delete_files(sandbox, &err) < 0) {
		(void)pthread_mutex_lock(&sandbox->lock);
		sandbox->want_remove = false;
		sandbox->record.status = SANDBOX_DAMAGED;
		(void)record_set(&sandbox->record.reason, err.text);
		(void)pthread_mutex_unlock(&sandbox->lock);
		sandbox_finish_operation(sandbox, SANDBOX_REMOVE, &err);
		return;
	}
	log_info("sandbox '%s' was removed", sandbox->record.name);
	supervisor_audit(sandbox->supervisor, "sandbox", sandbox->record.name,
			 json_pack("{ss}", "change", "remove"));
	leave(sandbox, SANDBOX_REMOVE, NULL);
}

/* The record of a sandbox without processes. reason NULL: somebody asked for it. */
static void become_stopped(struct sandbox *sandbox, const char *reason)
{
	struct record *record = &sandbox->record;

	(void)pthread_mutex_lock(&sandbox->lock);
	record->status = SANDBOX_STOPPED;
	record->stopped_at = time(NULL);
	record->processes_count = 0;
	(void)record_set(&record->reason, reason);
	sandbox->sessions = sandbox->busy = 0;
	sandbox->want_stop = false;
	sandbox->flows = 0;
	if (sandbox->arrivals_count > 0)
		sandbox->want_start = true; /* they came while it stopped */
	sandbox->want_remove |= record->is_fleeting;
	(void)pthread_mutex_unlock(&sandbox->lock);
	(void)file_remove_tree(AT_FDCWD, sandbox->run_folder);
	cgroup_remove(sandbox->supervisor->cgroup, record->name);
	save_or_log(sandbox);
	ports_rest(sandbox->supervisor->ports, sandbox);
	/* whoever asked, and whether or not anybody did; what is told is on disk */
	sandbox_finish_operation(sandbox, SANDBOX_STOP, NULL);
}

/* A first start that came as far as the kit and no further was part of the creation. */
static void remove_if_unfinished(struct sandbox *sandbox)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	if (sandbox->record.kit == RECORD_KIT_APPLYING)
		sandbox->want_remove = true;
	(void)pthread_mutex_unlock(&sandbox->lock);
}

/* From a running VM to none. */
static void watch(struct sandbox *sandbox, struct run *run)
{
	struct err err = ERR_INIT;
	enum run_end end = run_watch(sandbox, run, &err);
	unsigned timeout_s;

	(void)pthread_mutex_lock(&sandbox->lock);
	timeout_s = end == RUN_IDLE ? IDLE_STOP_S : sandbox->stop_timeout_s;
	if (end == RUN_DIED || sandbox->want_remove)
		timeout_s = 0;
	sandbox->record.status = SANDBOX_STOPPING;
	(void)pthread_cond_broadcast(&sandbox->changed);
	(void)pthread_mutex_unlock(&sandbox->lock);
	log_info("sandbox '%s' stops: %s", sandbox->record.name,
		 end == RUN_DIED   ? err.text
		 : end == RUN_IDLE ? "idle"
				   : "asked to");
	sandbox_set_progress(sandbox, "Stopping");
	save_or_log(sandbox);
	run_stop(sandbox, run, timeout_s);
	become_stopped(sandbox, end == RUN_DIED ? err.text : NULL);
}

static void become_running(struct sandbox *sandbox)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->record.status = SANDBOX_RUNNING;
	sandbox->record.started_at = sandbox->record.last_used_at = time(NULL);
	sandbox->record.grown = false;
	(void)record_set(&sandbox->record.reason, NULL);
	(void)pthread_mutex_unlock(&sandbox->lock);
	save_or_log(sandbox); /* what is told is on disk */
	sandbox_finish_operation(sandbox, SANDBOX_START, NULL);
	log_info("sandbox '%s' runs", sandbox->record.name);
}

static void start(struct sandbox *sandbox)
{
	struct err err = ERR_INIT;
	struct run *run = run_create();
	int r = run == NULL ? err_set(&err, -ENOMEM, "out of memory") : 0;

	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->record.status = SANDBOX_STARTING;
	(void)record_set(&sandbox->record.reason, NULL);
	tail_clear(&sandbox->console);
	(void)pthread_cond_broadcast(&sandbox->changed);
	(void)pthread_mutex_unlock(&sandbox->lock);
	if (r == 0)
		r = run_start(sandbox, run, &err);
	if (r < 0) {
		if (run != NULL)
			run_kill(run);
		log_warning("sandbox '%s' did not start: %s", sandbox->record.name, err.text);
		ports_drop_connections(sandbox);
		become_stopped(sandbox, err.text);
		remove_if_unfinished(sandbox);
		sandbox_finish_operation(sandbox, SANDBOX_START, &err);
	} else {
		become_running(sandbox);
		watch(sandbox, run);
	}
	run_destroy(run);
}

static void watch_adopted(struct sandbox *sandbox)
{
	struct run *run;

	(void)pthread_mutex_lock(&sandbox->lock);
	run = take_ptr(sandbox->adopted);
	(void)pthread_mutex_unlock(&sandbox->lock);
	run_watch_busy(sandbox, run);
	watch(sandbox, run);
	run_destroy(run);
}

static void *keep(void *context)
{
	struct sandbox *sandbox = context;

	for (;;) {
		switch (next_step(sandbox)) {
		case STEP_CREATE:
			create(sandbox);
			break;
		case STEP_START:
			start(sandbox);
			break;
		case STEP_WATCH:
			watch_adopted(sandbox);
			break;
		case STEP_REMOVE:
			remove_sandbox(sandbox);
			break;
		case STEP_NONE:
			supervisor_put(sandbox);
			return NULL;
		}
	}
}

int keeper_wake(struct sandbox *sandbox)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	if (sandbox->keeper_runs)
		return eventfd_write(sandbox->wake_fd, 1) < 0 ? -errno : 0;
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, KEEPER_STACK_BYTES);
	(void)supervisor_get(sandbox);
	r = pthread_create(&thread, &attributes, keep, sandbox);
	(void)pthread_attr_destroy(&attributes);
	if (r != 0) {
		supervisor_put(sandbox);
		return -r;
	}
	sandbox->keeper_runs = true;
	return 0;
}
