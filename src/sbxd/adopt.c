#include "sbxd/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/log.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/cgroup.h"
#include "sbxd/keeper.h"
#include "sbxd/kit.h"
#include "sbxd/kit_provision.h"
#include "sbxd/ports.h"
#include "sbxd/run.h"
#include "sbxd/sandbox.h"
#include "sbxd/supervisor.h"

/* Opens those processes of the record that still live; how many are missing. */
static int open_processes(const struct record *record, struct run *run)
{
	int missing = RUN_ROLES;

	for (int role = 0; role < RUN_ROLES; role++) {
		const char *name = run_role_name((enum run_role)role, record);

		for (size_t i = 0; i < record->processes_count; i++) {
			const struct record_process *process = &record->processes[i];

			if (strcmp(process->name, name) == 0 &&
			    process_open(&process->id, &run->pidfds[role]) == 0)
				missing--;
		}
	}
	return missing;
}

int run_adopt(struct sandbox *sandbox, struct run *run, struct err *err)
{
	int missing = open_processes(&sandbox->record, run), r = 0;

	if (missing == 1 && run->pidfds[RUN_BLK] < 0)
		r = run_restart_blk(sandbox, run, err);
	else if (missing > 0)
		r = err_set(err, -ESRCH, "it ended while no daemon watched over it");
	if (r == 0)
		r = run_connect(sandbox, run, err);
	if (r < 0)
		return r;
	run->is_ready = true;
	return 0;
}

/* Ends what is left of it and says why it is stopped. */
static void settle_as_stopped(struct sandbox *sandbox, struct run *run, const char *reason)
{
	struct err err = ERR_INIT;

	run_kill(run);
	run_destroy(run);
	sandbox->record.status = SANDBOX_STOPPED;
	sandbox->record.processes_count = 0;
	sandbox->record.stopped_at = time(NULL);
	(void)record_set(&sandbox->record.reason, reason);
	(void)file_remove_tree(AT_FDCWD, sandbox->run_folder);
	cgroup_remove(sandbox->supervisor->cgroup, sandbox->record.name);
	if (sandbox_save(sandbox, &err) < 0)
		log_error("%s", err.text);
}

static void settle_live(struct sandbox *sandbox)
{
	enum sandbox_status status = sandbox->record.status;
	struct err err = ERR_INIT;
	struct run *run = run_create();
	int r = 0;

	if (run == NULL)
		return;
	if (status == SANDBOX_STARTING) {
		(void)open_processes(&sandbox->record, run);
		r = err_set(&err, -ECANCELED, "the daemon ended while it started");
	} else {
		r = run_adopt(sandbox, run, &err);
	}
	if (r < 0) {
		log_warning("sandbox '%s' is stopped: %s", sandbox->record.name, err.text);
		settle_as_stopped(sandbox, run, status == SANDBOX_STOPPING ? NULL : err.text);
		return;
	}
	sandbox->adopted = run;
	sandbox->want_stop = status == SANDBOX_STOPPING;
	sandbox->stop_timeout_s = 10;
	sandbox->record.status = SANDBOX_RUNNING;
	log_info("sandbox '%s' was taken back", sandbox->record.name);
}

static void settle(struct sandbox *sandbox)
{
	if (sandbox->record.kit == RECORD_KIT_APPLYING)
		sandbox->want_remove = true; /* its creation was cut off */
	switch (sandbox->record.status) {
	case SANDBOX_STARTING:
	case SANDBOX_RUNNING:
	case SANDBOX_STOPPING:
		settle_live(sandbox);
		break;
	case SANDBOX_CREATING:
	case SANDBOX_REMOVING:
		sandbox->record.status = SANDBOX_REMOVING;
		sandbox->want_remove = true;
		break;
	case SANDBOX_STOPPED:
	case SANDBOX_DAMAGED:
	case SANDBOX_GONE:
		break;
	}
	if (sandbox->record.is_fleeting && sandbox->record.status == SANDBOX_STOPPED)
		sandbox->want_remove = true;
	(void)pthread_mutex_lock(&sandbox->lock);
	if (sandbox->adopted != NULL || sandbox->want_remove)
		(void)keeper_wake(sandbox);
	(void)pthread_mutex_unlock(&sandbox->lock);
}

/* A record that stands for one that cannot be read. */
static void make_damaged(struct record *record, const char *name, const struct err *why)
{
	char reason[ERR_TEXT_MAX + 64];

	(void)snprintf(reason, sizeof(reason), "its state file cannot be read: %s", why->text);
	record_init(record, name);
	record->status = SANDBOX_DAMAGED;
	(void)record_set(&record->reason, reason);
}

static int read_record(const char *parent, const char *name, struct record *ret, struct err *err)
{
	autofree char *folder = path_join(parent, name);
	autofree char *path = folder == NULL ? NULL : path_join(folder, "sandbox.json");
	struct buf text;
	int r;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	buf_init(&text, RECORD_BYTES_MAX);
	r = file_read(AT_FDCWD, path, &text);
	if (r < 0)
		(void)err_set_errno(err, r, "cannot read '%s'", path);
	else
		r = record_parse((const char *)text.data, text.len, ret, err);
	buf_finish(&text);
	if (r == 0 && strcmp(ret->name, name) != 0) {
		r = err_set(err, -EINVAL, "it is of a sandbox called '%s'", ret->name);
		record_finish(ret);
	}
	return r;
}

/* The record, or its copy beside a VM that runs, or one that says that it is damaged. */
static void find_record(const struct paths *paths, const char *name, struct record *ret)
{
	struct err why = ERR_INIT, ignored = ERR_INIT;
	int r = read_record(paths->sandboxes, name, ret, &why);

	if (r == 0)
		return;
	if (r == -ENOENT) { /* the folder was made, the record not: nothing is lost */
		record_init(ret, name);
		return;
	}
	log_error("the state of sandbox '%s' cannot be read: %s", name, why.text);
	if (read_record(paths->runs, name, ret, &ignored) < 0)
		make_damaged(ret, name, &why);
}

/* A sandbox whose kit cannot be read would start as another one: it does not start. */
static void find_kit(struct sandbox *sandbox)
{
	struct err err = ERR_INIT;
	int r = 0;

	if (sandbox->record.kit != RECORD_KIT_NONE && sandbox->record.status != SANDBOX_CREATING)
		r = kit_load(sandbox->folder, &sandbox->kit, &err);
	if (r == 0)
		r = kit_provision_services(sandbox, &err);
	if (r == 0)
		return;
	log_error("the kit of sandbox '%s' cannot be read: %s", sandbox->record.name, err.text);
	if (sandbox->record.status != SANDBOX_STOPPED)
		return; /* what runs goes on */
	sandbox->record.status = SANDBOX_DAMAGED;
	(void)record_set(&sandbox->record.reason, err.text);
}

static int adopt(struct supervisor *supervisor, const char *name, struct err *err)
{
	struct record record;
	struct sandbox *sandbox;
	int r;

	find_record(&supervisor->paths, name, &record);
	r = sandbox_create(supervisor, &record, &sandbox);
	if (r < 0) {
		record_finish(&record);
		return err_set_errno(err, r, "cannot take back sandbox '%s'", name);
	}
	find_kit(sandbox);
	r = supervisor_add(supervisor, sandbox, err);
	if (r < 0)
		return r;
	(void)ports_open_record(supervisor->ports, sandbox, false, err);
	settle(sandbox);
	return 0;
}

int adopt_all(struct supervisor *supervisor, struct err *err)
{
	DIR *folder = opendir(supervisor->paths.sandboxes);
	const struct dirent *entry;
	int r = 0;

	if (folder == NULL)
		return err_set_errno(err, -errno, "cannot read '%s'", supervisor->paths.sandboxes);
	while (r == 0 && (entry = readdir(folder)) != NULL)
		if (name_is_valid(entry->d_name))
			r = adopt(supervisor, entry->d_name, err);
	(void)closedir(folder);
	return r;
}
