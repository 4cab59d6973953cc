#include "sbxd/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "sbxd/keeper.h"
#include "sbxd/kit.h"
#include "sbxd/ports.h"
#include "sbxd/run.h"
#include "sbxd/supervisor.h"

/* Longer than any operation may take by its own deadlines. */
enum { OPERATION_MS = 180000 };

static int make_paths(struct sandbox *sandbox)
{
	const struct paths *paths = &sandbox->supervisor->paths;

	sandbox->folder = path_join(paths->sandboxes, sandbox->record.name);
	sandbox->run_folder = path_join(paths->runs, sandbox->record.name);
	if (sandbox->folder == NULL || sandbox->run_folder == NULL)
		return -ENOMEM;
	sandbox->vsock_path = path_join(sandbox->run_folder, "vsock.sock");
	sandbox->share_path = path_join(sandbox->run_folder, "fs.sock");
	sandbox->engine_path = path_join(sandbox->run_folder, "engine.sock");
	sandbox->screen_path = path_join(sandbox->run_folder, "console.sock");
	sandbox->link_path = path_join(sandbox->run_folder, "link.sock");
	sandbox->net_path = path_join(sandbox->run_folder, "net.sock");
	sandbox->proxy_path = path_join(sandbox->run_folder, "proxy.sock");
	return sandbox->vsock_path == NULL || sandbox->share_path == NULL ||
			       sandbox->engine_path == NULL || sandbox->screen_path == NULL ||
			       sandbox->link_path == NULL || sandbox->net_path == NULL ||
			       sandbox->proxy_path == NULL
		       ? -ENOMEM
		       : 0;
}

static void init_locks(struct sandbox *sandbox)
{
	pthread_condattr_t attributes;

	(void)pthread_mutex_init(&sandbox->mount_lock, NULL);
	(void)pthread_mutex_init(&sandbox->save_lock, NULL);
	(void)pthread_mutex_init(&sandbox->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&sandbox->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

int sandbox_create(struct supervisor *supervisor, struct record *record, struct sandbox **ret)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
	int r;

	if (sandbox == NULL)
		return -ENOMEM;
	sandbox->supervisor = supervisor;
	sandbox->references = 1;
	sandbox->network_wanted = 1;
	list_init(&sandbox->node);
	init_locks(sandbox);
	sandbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sandbox->record = *record;
	*record = (struct record){ .status = SANDBOX_GONE };
	r = sandbox->wake_fd < 0 ? -errno : make_paths(sandbox);
	if (r < 0) {
		sandbox_destroy(sandbox);
		return r;
	}
	*ret = sandbox;
	return 0;
}

void sandbox_destroy(struct sandbox *sandbox)
{
	if (sandbox == NULL)
		return;
	run_destroy(sandbox->adopted);
	ports_drop_connections(sandbox);
	record_finish(&sandbox->record);
	tail_clear(&sandbox->console);
	tail_clear(&sandbox->setup_output);
	kit_destroy(sandbox->kit);
	if (sandbox->wake_fd >= 0)
		(void)close(sandbox->wake_fd);
	free(sandbox->folder);
	free(sandbox->run_folder);
	free(sandbox->vsock_path);
	free(sandbox->share_path);
	free(sandbox->engine_path);
	free(sandbox->screen_path);
	free(sandbox->link_path);
	free(sandbox->net_path);
	free(sandbox->proxy_path);
	(void)pthread_cond_destroy(&sandbox->changed);
	(void)pthread_mutex_destroy(&sandbox->lock);
	(void)pthread_mutex_destroy(&sandbox->save_lock);
	(void)pthread_mutex_destroy(&sandbox->mount_lock);
	free(sandbox);
}

/* Whether the state allows the operation at all. Lock held. */
static int check_allowed(const struct sandbox *sandbox, enum sandbox_operation operation,
			 struct err *err)
{
	const struct record *record = &sandbox->record;

	if (operation == SANDBOX_REMOVE)
		return 0;
	if (record->status == SANDBOX_DAMAGED)
		return err_set(err, -EBUSY, "sandbox '%s' is damaged and can only be removed: %s",
			       record->name, record->reason);
	if (record->status == SANDBOX_GONE || record->status == SANDBOX_REMOVING ||
	    sandbox->want_remove)
		return err_set(err, -ENOENT, "sandbox '%s' is being removed", record->name);
	return 0;
}

int sandbox_check(struct sandbox *sandbox, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&sandbox->lock);
	r = check_allowed(sandbox, SANDBOX_START, err);
	(void)pthread_mutex_unlock(&sandbox->lock);
	return r;
}

/* A start that was asked for and has not begun will not come. Lock held. */
static void cancel_start(struct sandbox *sandbox)
{
	if (!sandbox->want_start)
		return;
	sandbox->want_start = false;
	sandbox->failed[SANDBOX_START]++;
	(void)err_set(&sandbox->failure, -ECANCELED, "sandbox '%s' was stopped meanwhile",
		      sandbox->record.name);
	(void)pthread_cond_broadcast(&sandbox->changed);
}

/* Notes what is wanted; true when there is nothing to do. Lock held. */
static bool note_wanted(struct sandbox *sandbox, enum sandbox_operation operation)
{
	enum sandbox_status status = sandbox->record.status;

	switch (operation) {
	case SANDBOX_CREATE:
		return status != SANDBOX_CREATING;
	case SANDBOX_START:
		if (status == SANDBOX_RUNNING && !sandbox->want_stop)
			return true;
		sandbox->want_start = status != SANDBOX_STARTING || sandbox->want_stop;
		return false;
	case SANDBOX_STOP:
		cancel_start(sandbox);
		if (status == SANDBOX_STOPPED || status == SANDBOX_CREATING)
			return true;
		sandbox->want_stop = true;
		return false;
	case SANDBOX_REMOVE:
		sandbox->want_remove = true;
		return status == SANDBOX_GONE;
	}
	return true;
}

int sandbox_request(struct sandbox *sandbox, enum sandbox_operation operation, unsigned timeout_s,
		    struct sandbox_ticket *ret, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&sandbox->lock);
	r = check_allowed(sandbox, operation, err);
	if (r == 0) {
		*ret = (struct sandbox_ticket){ .operation = operation,
						.finished = sandbox->finished[operation],
						.failed = sandbox->failed[operation] };
		ret->is_done = note_wanted(sandbox, operation);
		if (operation == SANDBOX_STOP)
			sandbox->stop_timeout_s = timeout_s;
		if (!ret->is_done)
			r = keeper_wake(sandbox);
		if (r < 0)
			(void)err_set_errno(err, r, "cannot start a thread");
	}
	(void)pthread_mutex_unlock(&sandbox->lock);
	return r;
}

int sandbox_ticket_check(struct sandbox *sandbox, const struct sandbox_ticket *ticket,
			 struct err *err)
{
	if (ticket->is_done || sandbox->finished[ticket->operation] != ticket->finished)
		return 1;
	if (sandbox->failed[ticket->operation] != ticket->failed) {
		*err = sandbox->failure;
		return err->code;
	}
	if (sandbox->record.status == SANDBOX_GONE && ticket->operation == SANDBOX_REMOVE)
		return 1;
	if (sandbox->record.status == SANDBOX_GONE)
		return err_set(err, -ENOENT, "sandbox '%s' was removed", sandbox->record.name);
	return 0;
}

int sandbox_wait(struct sandbox *sandbox, const struct sandbox_ticket *ticket, uint64_t deadline_ms,
		 struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&sandbox->lock);
	while ((r = sandbox_ticket_check(sandbox, ticket, err)) == 0 &&
	       clock_left_ms(deadline_ms) > 0)
		sandbox_wait_change(sandbox, deadline_ms);
	(void)pthread_mutex_unlock(&sandbox->lock);
	if (r == 0)
		return err_set(err, -ETIMEDOUT, "sandbox '%s' is still %s", sandbox->record.name,
			       sandbox_status_name(sandbox->record.status));
	return r < 0 ? r : 0;
}

int sandbox_ensure_running(struct sandbox *sandbox, struct err *err)
{
	struct sandbox_ticket ticket;
	int r = sandbox_request(sandbox, SANDBOX_START, 0, &ticket, err);

	return r < 0 ? r : sandbox_wait(sandbox, &ticket, clock_now_ms() + OPERATION_MS, err);
}

void sandbox_wait_change(struct sandbox *sandbox, uint64_t deadline_ms)
{
	struct timespec until = { .tv_sec = (time_t)(deadline_ms / 1000),
				  .tv_nsec = (long)(deadline_ms % 1000) * 1000000 };

	(void)pthread_cond_timedwait(&sandbox->changed, &sandbox->lock, &until);
}

void sandbox_poke(struct sandbox *sandbox)
{
	(void)eventfd_write(sandbox->wake_fd, 1);
}

static int write_record(const char *folder, const char *text)
{
	autofree char *path = path_join(folder, "sandbox.json");

	return path == NULL ? -ENOMEM : file_write(AT_FDCWD, path, text, strlen(text), 0600);
}

int sandbox_save(struct sandbox *sandbox, struct err *err)
{
	autofree char *text = NULL;
	bool has_processes;
	int r = -ENOMEM;

	(void)pthread_mutex_lock(&sandbox->save_lock);
	(void)pthread_mutex_lock(&sandbox->lock);
	text = record_format(&sandbox->record);
	has_processes = sandbox->record.processes_count > 0;
	(void)pthread_mutex_unlock(&sandbox->lock);
	if (text != NULL)
		r = write_record(sandbox->folder, text);
	/* The copy finds the processes should the record itself be damaged. */
	if (r == 0 && has_processes)
		(void)write_record(sandbox->run_folder, text);
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->is_unsaved = r < 0;
	(void)pthread_cond_broadcast(&sandbox->changed);
	(void)pthread_mutex_unlock(&sandbox->lock);
	(void)pthread_mutex_unlock(&sandbox->save_lock);
	return r < 0 ? err_set_errno(err, r, "cannot save the state of sandbox '%s' in '%s'",
				     sandbox->record.name, sandbox->folder)
		     : 0;
}

void sandbox_set_status(struct sandbox *sandbox, enum sandbox_status status)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->record.status = status;
	(void)pthread_cond_broadcast(&sandbox->changed);
	(void)pthread_mutex_unlock(&sandbox->lock);
}

void sandbox_set_progress(struct sandbox *sandbox, const char *literal)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->progress = literal;
	sandbox->progress_number++;
	(void)pthread_cond_broadcast(&sandbox->changed);
	(void)pthread_mutex_unlock(&sandbox->lock);
}

void sandbox_finish_operation(struct sandbox *sandbox, enum sandbox_operation operation,
			      const struct err *failure)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	if (failure == NULL) {
		sandbox->finished[operation]++;
	} else {
		sandbox->failed[operation]++;
		sandbox->failure = *failure;
	}
	sandbox->progress = NULL;
	(void)pthread_cond_broadcast(&sandbox->changed);
	(void)pthread_mutex_unlock(&sandbox->lock);
}
