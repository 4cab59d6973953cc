/* /sandbox and /sandbox/{}: creation, life and properties. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/parse.h"
#include "base/process.h"
#include "sbxd/create.h"
#include "sbxd/disk.h"
#include "sbxd/environment.h"
#include "sbxd/guest.h"
#include "sbxd/kit.h"
#include "sbxd/kit_provision.h"
#include "sbxd/policy_provision.h"
#include "sbxd/policy_store.h"
#include "sbxd/ports.h"
#include "sbxd/reuse.h"
#include "sbxd/route.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_store.h"
#include "sbxd/view.h"

enum {
	STOP_DEFAULT_S = 10,
	STOP_MAX_S = 600,
	NAME_ATTEMPTS = 100,
	GROW_TRIES = 4,
	GROW_PAUSE_MS = 100,
	GROW_MS = 10000,
	SESSION_END_MS = 1000,
};

static int list_sandboxes(struct request *request, struct err *err)
{
	json_t *list = json_array();
	size_t count = 0;
	autofree struct sandbox **all = supervisor_list(request->supervisor, &count);

	for (size_t i = 0; i < count; i++) {
		(void)json_array_append_new(list, view_sandbox(all[i]));
		supervisor_put(all[i]);
	}
	return request_reply(request, 200, json_pack("{so}", "sandboxes", list), err);
}

/* Makes up a free name; nobody else enters one meanwhile. */
static int find_name(struct supervisor *supervisor, struct record *record, struct err *err)
{
	const char *workspace = record->mounts.count > 0 ? record->mounts.items[0].source : NULL;

	for (unsigned attempt = 1; attempt <= NAME_ATTEMPTS; attempt++) {
		struct sandbox *other;

		name_suggest(record->agent, workspace, attempt, record->name);
		other = supervisor_find(supervisor, record->name);
		if (other == NULL)
			return 0;
		supervisor_put(other);
	}
	return err_set(err, -EEXIST, "no free name for a sandbox of '%s'; give one by --name",
		       workspace);
}

/* After the creation comes the start, in the same stream. */
static bool then_start(struct request *request, struct err *err)
{
	request->next = NULL;
	return sandbox_request(request->watched, SANDBOX_START, 0, &request->ticket, err) == 0;
}

/* What the policy and the secrets hear of it. */
static int provision(struct request *request, struct sandbox *sandbox, struct err *err)
{
	int r = policy_provision(request->supervisor->policy, sandbox->record.name, request->body,
				 err);

	return r < 0 ? r : kit_provision(sandbox, err);
}

/* Enters a new sandbox; *ret is the table's and the caller's. Takes record and kit over. */
static int enter(struct supervisor *supervisor, struct record *record, struct kit *kit,
		 struct sandbox **ret, struct err *err)
{
	struct sandbox *sandbox;
	int r = sandbox_create(supervisor, record, &sandbox);

	if (r < 0) {
		kit_destroy(kit);
		return err_set_errno(err, r, "cannot make a sandbox");
	}
	sandbox->kit = kit;
	(void)supervisor_get(sandbox);
	r = supervisor_add(supervisor, sandbox, err);
	if (r < 0) {
		supervisor_put(sandbox);
		supervisor_put(sandbox);
		return r;
	}
	*ret = sandbox;
	return 0;
}

static int begin_creation(struct request *request, struct sandbox *sandbox, bool start,
			  struct err *err)
{
	struct sandbox_ticket ticket;
	int r = ports_open_record(request->supervisor->ports, sandbox, true, err);

	if (r == 0)
		r = provision(request, sandbox, err);
	if (r == 0)
		r = sandbox_request(sandbox, SANDBOX_CREATE, 0, &ticket, err);
	if (r < 0) {
		ports_close_all(request->supervisor->ports, sandbox);
		policy_store_forget(request->supervisor->policy, sandbox->record.name);
		secret_store_forget_kit(request->supervisor->secrets, sandbox->record.name);
		supervisor_remove(request->supervisor, sandbox);
		return r;
	}
	request_reply_stream(request, sandbox, &ticket, view_sandbox);
	if (start)
		request->next = then_start;
	return 0;
}

/* It is there: of the body only `start` counts. */
static void answer_existing(struct request *request, struct sandbox *sandbox, bool start)
{
	const struct sandbox_ticket ticket = { .operation = SANDBOX_CREATE, .is_done = true };

	request_reply_stream(request, sandbox, &ticket, view_existing);
	if (start)
		request->next = then_start;
}

/* Placeholders of custom secrets first: what the user says of a variable comes later, and counts.
 */
static int add_placeholders(struct request *request, struct record *record, struct err *err)
{
	struct string_list env = { .count = 0 };
	int r = secret_store_custom_environment(request->supervisor->secrets, record->name, &env);

	for (size_t i = 0; r == 0 && i < record->env.count; i++)
		r = string_list_add(&env, record->env.items[i]);
	if (r < 0) {
		string_list_finish(&env);
		return err_set(err, r, "out of memory");
	}
	string_list_finish(&record->env);
	record->env = env;
	return 0;
}

/*
 * Which sandbox it is to be: one that is there (*ret_existing) or a new one; *ret is a reference of
 * the caller's. Under one lock, so that of two who ask at once the second finds what the first
 * entered. Takes record and kit over.
 */
static int choose(struct request *request, const struct create_choices *how, struct record *record,
		  struct kit *kit, bool *ret_existing, struct sandbox **ret, struct err *err)
{
	struct supervisor *supervisor = request->supervisor;
	struct sandbox *sandbox = NULL;
	int r = 0;

	(void)pthread_mutex_lock(&supervisor->creation);
	if (how->reuse)
		sandbox = reuse_find(supervisor, record, how->is_named);
	*ret_existing = sandbox != NULL;
	if (sandbox == NULL && !how->is_named)
		r = find_name(supervisor, record, err);
	if (sandbox == NULL && r == 0)
		r = add_placeholders(request, record, err);
	if (sandbox == NULL && r == 0)
		r = enter(supervisor, record, take_ptr(kit), &sandbox, err);
	(void)pthread_mutex_unlock(&supervisor->creation);
	kit_destroy(kit);
	if (r == 0)
		*ret = sandbox;
	return r;
}

static int create_held(struct request *request, struct err *err)
{
	struct create_choices how = { .start = false };
	struct sandbox *sandbox = NULL;
	struct kit *kit = NULL;
	bool existing = false;
	struct record record;
	int r = create_check(request, &record, &how, &kit, err);

	if (r < 0)
		return r;
	r = choose(request, &how, &record, kit, &existing, &sandbox, err);
	record_finish(&record);
	if (r < 0)
		return r;
	if (existing)
		answer_existing(request, sandbox, how.start);
	else
		r = begin_creation(request, sandbox, how.start, err);
	supervisor_put(sandbox);
	return r;
}

/* From the choice of its layers until its record is in the table none of them may go. */
static int create(struct request *request, struct err *err)
{
	int r;

	template_store_hold(request->supervisor->store);
	r = create_held(request, err);
	template_store_release(request->supervisor->store);
	return r;
}

static int show(struct request *request, struct err *err)
{
	struct sandbox *sandbox;
	int r = request_sandbox(request, &sandbox, err);

	if (r < 0)
		return r;
	r = request_reply(request, 200, view_sandbox(sandbox), err);
	supervisor_put(sandbox);
	return r;
}

static int inspect(struct request *request, struct err *err)
{
	struct sandbox *sandbox;
	int r = request_sandbox(request, &sandbox, err);

	if (r < 0)
		return r;
	r = request_reply(request, 200, view_inspect(sandbox), err);
	supervisor_put(sandbox);
	return r;
}

/* The common end of start, stop and delete. */
static int begin(struct request *request, struct sandbox *sandbox, enum sandbox_operation operation,
		 unsigned timeout_s, request_result_fn *result, struct err *err)
{
	struct sandbox_ticket ticket;
	int r = sandbox_request(sandbox, operation, timeout_s, &ticket, err);

	if (r == 0)
		request_reply_stream(request, sandbox, &ticket, result);
	return r;
}

/* A session that just ended may take a moment to be reported; nobody should have to try again. */
static int check_unused(struct sandbox *sandbox, struct err *err)
{
	uint64_t deadline_ms = clock_now_ms() + SESSION_END_MS;
	unsigned sessions;

	(void)pthread_mutex_lock(&sandbox->lock);
	while (sandbox->sessions > 0 && clock_left_ms(deadline_ms) > 0)
		sandbox_wait_change(sandbox, deadline_ms);
	sessions = sandbox->sessions;
	(void)pthread_mutex_unlock(&sandbox->lock);
	if (sessions == 0)
		return 0;
	return err_set(err, -EBUSY,
		       "sandbox '%s' is in use (%u attached); use --force to remove it",
		       sandbox->record.name, sessions);
}

static int delete (struct request *request, struct err *err)
{
	const char *force = request->query(request, "force");
	struct sandbox *sandbox;
	int r = request_sandbox(request, &sandbox, err);

	if (r < 0)
		return r;
	if (force == NULL || strcmp(force, "true") != 0)
		r = check_unused(sandbox, err);
	if (r == 0)
		r = begin(request, sandbox, SANDBOX_REMOVE, 0, view_removed, err);
	supervisor_put(sandbox);
	return r;
}

static bool swap_keep_alive(struct sandbox *sandbox, bool keep_alive)
{
	bool before;

	(void)pthread_mutex_lock(&sandbox->lock);
	before = sandbox->record.keep_alive;
	sandbox->record.keep_alive = keep_alive;
	sandbox_poke(sandbox);
	(void)pthread_mutex_unlock(&sandbox->lock);
	return before;
}

/* Changes keep_alive when it was given (0 or 1), and writes it down. */
static int set_keep_alive(struct sandbox *sandbox, int keep_alive, struct err *err)
{
	bool before;
	int r = keep_alive < 0 ? 0 : sandbox_check(sandbox, err);

	if (r < 0 || keep_alive < 0)
		return r;
	before = swap_keep_alive(sandbox, keep_alive != 0);
	r = sandbox_save(sandbox, err);
	if (r < 0)
		(void)swap_keep_alive(sandbox, before);
	return r;
}

static int unpack_keep_alive(struct request *request, int *ret, struct err *err)
{
	*ret = -1;
	return request_unpack(request, err, "{s?b}", "keep_alive", ret);
}

static int start(struct request *request, struct err *err)
{
	struct sandbox *sandbox;
	int keep_alive, r = unpack_keep_alive(request, &keep_alive, err);

	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	r = set_keep_alive(sandbox, keep_alive, err);
	if (r == 0)
		r = begin(request, sandbox, SANDBOX_START, 0, view_sandbox, err);
	supervisor_put(sandbox);
	return r;
}

/* Changes variables when they were given, and writes them down; commands see them after a start. */
static int set_env(struct sandbox *sandbox, json_t *list, struct err *err)
{
	struct string_list env = { .count = 0 };
	int r = request_strings(list, "env", RECORD_ENV_MAX / 2, &env, err);

	for (size_t i = 0; r == 0 && i < env.count; i++)
		if (!create_is_env(env.items[i]))
			r = err_set(err, -EINVAL, "'%.80s' is no environment variable: NAME=VALUE",
				    env.items[i]);
	if (r == 0)
		r = sandbox_check(sandbox, err);
	if (r == 0) {
		(void)pthread_mutex_lock(&sandbox->lock);
		if (sandbox->record.env.count + env.count > RECORD_ENV_MAX)
			r = err_set(err, -EINVAL, "more than %d variables", RECORD_ENV_MAX);
		else if (environment_merge(&sandbox->record.env, &env) < 0)
			r = err_set(err, -ENOMEM, "out of memory");
		(void)pthread_mutex_unlock(&sandbox->lock);
	}
	string_list_finish(&env);
	return r == 0 && list != NULL ? sandbox_save(sandbox, err) : r;
}

static int patch(struct request *request, struct err *err)
{
	struct sandbox *sandbox;
	json_t *env = NULL;
	int keep_alive = -1;
	int r = request_unpack(request, err, "{s?b, s?o}", "keep_alive", &keep_alive, "env", &env);

	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	r = set_env(sandbox, env, err);
	if (r == 0)
		r = set_keep_alive(sandbox, keep_alive, err);
	if (r == 0)
		r = request_reply(request, 200, view_sandbox(sandbox), err);
	supervisor_put(sandbox);
	return r;
}

static int stop(struct request *request, struct err *err)
{
	json_int_t timeout_s = STOP_DEFAULT_S;
	struct sandbox *sandbox;
	int r = request_unpack(request, err, "{s?I}", "timeout", &timeout_s);

	if (r == 0 && (timeout_s < 0 || timeout_s > STOP_MAX_S))
		r = err_set(err, -EINVAL, "timeout must be 0 to %d seconds", STOP_MAX_S);
	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	r = begin(request, sandbox, SANDBOX_STOP, (unsigned)timeout_s, view_sandbox, err);
	supervisor_put(sandbox);
	return r;
}

/* Grows the images that were asked for; the record follows. */
static int grow(struct sandbox *sandbox, json_int_t disk, json_int_t docker_disk, struct err *err)
{
	struct {
		const char *file;
		json_int_t bytes;
		uint64_t *size;
	} rows[] = { { "disk.img", disk, &sandbox->record.disk_bytes },
		     { "docker.img", docker_disk, &sandbox->record.docker_disk_bytes } };
	int r = sandbox_check(sandbox, err);

	for (size_t i = 0; r == 0 && i < countof(rows); i++) {
		autofree char *path = path_join(sandbox->folder, rows[i].file);

		if (rows[i].bytes == 0)
			continue;
		if (path == NULL)
			return err_set(err, -ENOMEM, "out of memory");
		r = rows[i].bytes < 0 ? err_set(err, -EINVAL, "a size cannot be negative")
				      : disk_check_size("a disk", (uint64_t)rows[i].bytes, err);
		if (r == 0)
			r = disk_grow(path, (uint64_t)rows[i].bytes, err);
		if (r == 0) {
			(void)pthread_mutex_lock(&sandbox->lock);
			*rows[i].size = (uint64_t)rows[i].bytes;
			sandbox->record.grown = true;
			(void)pthread_mutex_unlock(&sandbox->lock);
		}
	}
	return r == 0 ? sandbox_save(sandbox, err) : r;
}

/* Makes sbx-blk look at its images again; -ESRCH when none runs. */
static int tell_blk(struct sandbox *sandbox)
{
	struct process_id id = { .pid = 0 };
	autoclose int pidfd = -1;
	int r;

	(void)pthread_mutex_lock(&sandbox->lock);
	for (size_t i = 0; i < sandbox->record.processes_count; i++)
		if (sandbox->record.status == SANDBOX_RUNNING &&
		    strcmp(sandbox->record.processes[i].name, "sbx-blk") == 0)
			id = sandbox->record.processes[i].id;
	(void)pthread_mutex_unlock(&sandbox->lock);
	r = id.pid == 0 ? -ESRCH : process_open(&id, &pidfd);
	if (r == 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGHUP, NULL, 0) < 0)
		r = -errno;
	return r;
}

/*
 * Grows the file systems of a running guest. It learns of the new size by an
 * interrupt, at a time of its own, and growing twice does no harm: so it is asked
 * a few times. Whatever fails here happens at the next start.
 */
static void grow_live(struct sandbox *sandbox)
{
	struct guest_message request = { .type = GUEST_GROW };
	struct err ignored = ERR_INIT;

	if (tell_blk(sandbox) < 0)
		return;
	for (int i = 0; i < GROW_TRIES; i++) {
		uint64_t pause_ms = clock_now_ms() + GROW_PAUSE_MS;

		(void)pthread_mutex_lock(&sandbox->lock);
		while (clock_left_ms(pause_ms) > 0)
			sandbox_wait_change(sandbox, pause_ms);
		(void)pthread_mutex_unlock(&sandbox->lock);
		(void)guest_call(sandbox->vsock_path, &request, clock_now_ms() + GROW_MS, NULL,
				 &ignored);
	}
}

static int grow_disk(struct request *request, struct err *err)
{
	json_int_t disk = 0, docker_disk = 0;
	struct sandbox *sandbox;
	int r = request_unpack(request, err, "{s?I s?I}", "disk", &disk, "docker_disk",
			       &docker_disk);

	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	r = grow(sandbox, disk, docker_disk, err);
	if (r == 0)
		grow_live(sandbox);
	if (r == 0)
		r = request_reply(request, 200, view_sandbox(sandbox), err);
	supervisor_put(sandbox);
	return r;
}

static int console(struct request *request, struct err *err)
{
	const char *wanted = request->query(request, "bytes");
	uint64_t bytes = 16384;
	struct sandbox *sandbox;
	int r;

	if (wanted != NULL && parse_u64(wanted, TAIL_SIZE * 16, &bytes) < 0)
		return err_set(err, -EINVAL, "bytes must be a number up to 1048576");
	r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&sandbox->lock);
	request->text = tail_copy(&sandbox->console, bytes, &request->text_len);
	(void)pthread_mutex_unlock(&sandbox->lock);
	supervisor_put(sandbox);
	request->status = 200;
	return request->text == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

const struct route routes_sandbox[] = {
	{ "GET", "/sandbox", list_sandboxes },
	{ "POST", "/sandbox", create },
	{ "GET", "/sandbox/{}", show },
	{ "DELETE", "/sandbox/{}", delete },
	{ "PATCH", "/sandbox/{}", patch },
	{ "POST", "/sandbox/{}/start", start },
	{ "POST", "/sandbox/{}/stop", stop },
	{ "POST", "/sandbox/{}/disk", grow_disk },
	{ "GET", "/sandbox/{}/inspect", inspect },
	{ "GET", "/sandbox/{}/console", console },
	{ NULL, NULL, NULL },
};
