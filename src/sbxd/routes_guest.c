/* /sandbox/{}/…: what reaches into the guest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "sbxd/create.h"
#include "sbxd/disk.h"
#include "sbxd/guest.h"
#include "sbxd/route.h"
#include "sbxd/run.h"
#include "sbxd/share.h"
#include "sbxd/supervisor.h"
#include "sbxd/view.h"
#include "sbxd/workspace.h"

enum { GUEST_MS = 15000, TRIM_MS = 300000 };

static uint64_t deadline(void)
{
	return clock_now_ms() + GUEST_MS;
}

static bool is_running(struct sandbox *sandbox)
{
	bool yes;

	(void)pthread_mutex_lock(&sandbox->lock);
	yes = sandbox->record.status == SANDBOX_RUNNING;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return yes;
}

static int check_running(struct sandbox *sandbox, struct err *err)
{
	return is_running(sandbox)
		       ? 0
		       : err_set(err, -EBUSY, "sandbox '%s' is not running", sandbox->record.name);
}

/*
 * The connection may fail because the sandbox was just being stopped; then it
 * is started again, once.
 */
static int connect_started(struct sandbox *sandbox, bool session, int *ret_fd, struct err *err)
{
	int r = sandbox_ensure_running(sandbox, err);

	if (r == 0)
		r = guest_connect(sandbox->vsock_path, session, deadline(), ret_fd, err);
	if (r == 0 || is_running(sandbox))
		return r;
	r = sandbox_ensure_running(sandbox, err);
	return r < 0 ? r : guest_connect(sandbox->vsock_path, session, deadline(), ret_fd, err);
}

static int attach(struct request *request, struct err *err)
{
	int session = 1, start = 1, fd = -1;
	struct sandbox *sandbox;
	int r = request_unpack(request, err, "{s?b s?b}", "session", &session, "start", &start);

	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	if (!request->wants_upgrade) {
		request->status = 426;
		r = err_set(err, -EINVAL, "attach needs the header 'Upgrade: sbx-guest'");
	}
	if (r == 0 && start == 0)
		r = check_running(sandbox, err);
	if (r == 0)
		r = connect_started(sandbox, session != 0, &fd, err);
	if (r == 0 && session != 0)
		supervisor_audit(request->supervisor, "exec", sandbox->record.name,
				 json_pack("{ss}", "how", "attached"));
	supervisor_put(sandbox);
	if (r == 0)
		request->hand_over = fd;
	return r;
}

/* What the body of an exec asks for. */
struct exec_wish {
	json_t *cmd, *env;
	const char *working_dir, *user;
	int privileged, tty;
};

static int unpack_exec(const struct request *request, struct exec_wish *wish,
		       struct string_list *args, struct string_list *env, struct err *err)
{
	int r;

	*wish = (struct exec_wish){ .cmd = NULL };
	r = request_unpack(request, err, "{so s?o s?s s?s s?b s?b}", "cmd", &wish->cmd, "env",
			   &wish->env, "working_dir", &wish->working_dir, "user", &wish->user,
			   "privileged", &wish->privileged, "tty", &wish->tty);
	if (r == 0)
		r = request_strings(wish->cmd, "cmd", GUEST_ARGS_MAX, args, err);
	if (r == 0)
		r = request_strings(wish->env, "env", RECORD_ENV_MAX, env, err);
	if (r == 0 && args->count == 0)
		r = err_set(err, -EINVAL, "cmd must hold a command");
	if (r == 0 && wish->working_dir != NULL && wish->working_dir[0] != '/')
		r = err_set(err, -EINVAL, "working_dir must be an absolute path");
	return r;
}

static int call_exec(struct sandbox *sandbox, const struct exec_wish *wish,
		     const struct string_list *args, const struct string_list *env, char **ret_id,
		     struct err *err)
{
	const char *workspace = workspace_of(&sandbox->record);
	struct guest_message answer, request = {
		.type = GUEST_EXEC,
		.args = args->items,
		.args_count = args->count,
		.env = env->items,
		.env_count = env->count,
		.cwd = (char *)(uintptr_t)(wish->working_dir != NULL ? wish->working_dir
								     : workspace),
		.user = (char *)(uintptr_t)wish->user,
		.flags = GUEST_FLAG_DETACH | (wish->privileged ? GUEST_FLAG_PRIVILEGED : 0u) |
			 (wish->tty ? GUEST_FLAG_TTY : 0u),
	};
	autoclose int fd = -1;
	int r = connect_started(sandbox, false, &fd, err);

	if (r == 0)
		r = guest_ask(fd, &request, 1, deadline(), &answer, err);
	if (r < 0)
		return r;
	*ret_id = answer.name;
	answer.name = NULL;
	guest_message_finish(&answer);
	return 0;
}

static void audit_exec(struct sandbox *sandbox, const struct exec_wish *wish)
{
	supervisor_audit(sandbox->supervisor, "exec", sandbox->record.name,
			 json_pack("{ss sO ss* sb}", "how", "detached", "command", wish->cmd,
				   "user", wish->user, "privileged", wish->privileged));
}

static int exec(struct request *request, struct err *err)
{
	struct string_list args = { .count = 0 }, env = { .count = 0 };
	autofree char *id = NULL;
	struct exec_wish wish;
	struct sandbox *sandbox;
	int r = unpack_exec(request, &wish, &args, &env, err);

	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r == 0) {
		r = call_exec(sandbox, &wish, &args, &env, &id, err);
		if (r == 0)
			audit_exec(sandbox, &wish);
		supervisor_put(sandbox);
	}
	string_list_finish(&args);
	string_list_finish(&env);
	if (r < 0)
		return r;
	return request_reply(request, 201, json_pack("{ss}", "id", id != NULL ? id : ""), err);
}

/* The walk over detached commands: all of them, or the one that is looked for. */
struct walk {
	const char *id; /* NULL: all */
	json_t *list;
};

static int take_item(void *context, const struct guest_message *item)
{
	struct walk *walk = context;
	json_t *json;

	if (item->name == NULL || (walk->id != NULL && strcmp(walk->id, item->name) != 0))
		return 0;
	json = json_pack("{so so so so*}", "id", view_text(item->name), "command",
			 view_text(item->text != NULL ? item->text : ""), "running",
			 json_boolean(!item->has_status), "started_at",
			 view_time((int64_t)(item->started_ns / 1000000000)));
	if (json != NULL && item->has_status)
		(void)json_object_set_new(json, "exit_code", json_integer(item->status));
	return json_array_append_new(walk->list, json);
}

static int walk_execs(struct request *request, const char *id, json_t **ret, struct err *err)
{
	struct walk walk = { .id = id, .list = json_array() };
	struct sandbox *sandbox;
	int r = request_sandbox(request, &sandbox, err);

	if (r == 0) {
		r = check_running(sandbox, err);
		if (r == 0)
			r = guest_list(sandbox->vsock_path, deadline(), take_item, &walk, err);
		supervisor_put(sandbox);
	}
	if (r < 0) {
		json_decref(walk.list);
		return r;
	}
	*ret = walk.list;
	return 0;
}

static int list_execs(struct request *request, struct err *err)
{
	json_t *list;
	int r = walk_execs(request, NULL, &list, err);

	return r < 0 ? r : request_reply(request, 200, json_pack("{so}", "execs", list), err);
}

static int show_exec(struct request *request, struct err *err)
{
	json_t *list, *found;
	int r = walk_execs(request, request->args[1], &list, err);

	if (r < 0)
		return r;
	found = json_incref(json_array_get(list, 0));
	json_decref(list);
	if (found == NULL)
		return err_set(err, -ENOENT, "no detached command '%.80s' in this sandbox",
			       request->args[1]);
	return request_reply(request, 200, found, err);
}

static int kill_exec(struct request *request, struct err *err)
{
	json_int_t number = 15;
	struct sandbox *sandbox;
	int r = request_unpack(request, err, "{s?I}", "signal", &number);

	if (r == 0 && (number < 1 || number > 64))
		r = err_set(err, -EINVAL, "signal must be 1 to 64");
	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	r = check_running(sandbox, err);
	if (r == 0)
		r = guest_call(sandbox->vsock_path,
			       &(struct guest_message){
				       .type = GUEST_KILL,
				       .name = (char *)(uintptr_t)request->args[1],
				       .signal = (uint32_t)number,
			       },
			       deadline(), NULL, err);
	supervisor_put(sandbox);
	return r < 0 ? r : request_reply(request, 200, json_object(), err);
}

/* Gives free blocks back; *ret_trimmed: the bytes that the guest found free. */
static int trim_started(int guest, uint64_t *ret_trimmed, struct err *err)
{
	struct guest_message answer, wanted = { .type = GUEST_TRIM };
	int r = guest_ask(guest, &wanted, 1, clock_now_ms() + TRIM_MS, &answer, err);

	if (r < 0)
		return r;
	*ret_trimmed = answer.bytes;
	guest_message_finish(&answer);
	return 0;
}

/* What both disks take on this machine. */
static uint64_t measure_disks(const struct sandbox *sandbox)
{
	static const char *const files[] = { "disk.img", "docker.img" };
	uint64_t all = 0;

	for (size_t i = 0; i < countof(files); i++) {
		autofree char *path = path_join(sandbox->folder, files[i]);
		uint64_t size, allocated = 0;

		if (path != NULL && disk_measure(path, &size, &allocated) == 0)
			all += allocated;
	}
	return all;
}

/* What the guest calls free it may have given back before; only the host's blocks tell. */
static int trim(struct request *request, struct err *err)
{
	uint64_t before = 0, after = 0, trimmed = 0;
	autoclose int fd = -1;
	struct sandbox *sandbox;
	int r = request_sandbox(request, &sandbox, err);

	if (r < 0)
		return r;
	r = connect_started(sandbox, true, &fd, err);
	before = measure_disks(sandbox);
	if (r == 0)
		r = trim_started(fd, &trimmed, err);
	after = measure_disks(sandbox);
	supervisor_put(sandbox);
	if (r < 0)
		return r;
	return request_reply(
		request, 200,
		json_pack("{sI sI sI}", "bytes", (json_int_t)(before > after ? before - after : 0),
			  "allocated", (json_int_t)after, "trimmed", (json_int_t)trimmed),
		err);
}

/* Shows the last mount of the record to a running guest. */
static int mount_live(struct sandbox *sandbox, const struct mount *mount, size_t index,
		      struct err *err)
{
	char source[SHARE_NAME_SIZE];
	struct guest_message wanted;
	struct err ignored = ERR_INIT;
	autoclose int fd = -1;
	int r = mount_open(mount, sandbox->record.weak_jail, &fd, err);

	if (r == 0)
		r = share_add(sandbox->share_path, mount, fd, index, deadline(), err);
	if (r < 0)
		return r;
	share_name(index, source);
	run_make_mount(mount, source, &wanted);
	r = guest_call(sandbox->vsock_path, &wanted, deadline(), NULL, err);
	if (r < 0)
		(void)share_remove(sandbox->share_path, index, deadline(), &ignored);
	return r;
}

/* Enters a mount into the record of a sandbox that rests or runs; not while that changes. */
static int enter_mount(struct sandbox *sandbox, json_t *json, bool force, bool *ret_runs,
		       struct err *err)
{
	enum sandbox_status status;
	int r;

	(void)pthread_mutex_lock(&sandbox->lock);
	status = sandbox->record.status;
	if (status == SANDBOX_STOPPED || status == SANDBOX_RUNNING)
		r = create_add_mount(sandbox->supervisor, json, force, &sandbox->record.mounts,
				     err);
	else
		r = err_set(err, -EBUSY, "sandbox '%s' is %s; try again when that is over",
			    sandbox->record.name, sandbox_status_name(status));
	(void)pthread_mutex_unlock(&sandbox->lock);
	*ret_runs = status == SANDBOX_RUNNING;
	return r;
}

/* Takes the last mount out of the record again. */
static void leave_mount(struct sandbox *sandbox)
{
	struct err ignored = ERR_INIT;

	(void)pthread_mutex_lock(&sandbox->lock);
	mounts_drop_last(&sandbox->record.mounts);
	(void)pthread_mutex_unlock(&sandbox->lock);
	(void)sandbox_save(sandbox, &ignored);
}

/*
 * A mount enters the record first, so that it has its number, and leaves it
 * again when it cannot be written down or the guest cannot have it. Lock: mount_lock.
 */
static int add_mount(struct sandbox *sandbox, json_t *json, bool force, struct err *err)
{
	struct mounts *mounts = &sandbox->record.mounts;
	bool runs = false;
	int r = enter_mount(sandbox, json, force, &runs, err);

	if (r < 0)
		return r;
	r = sandbox_save(sandbox, err);
	if (r == 0 && runs)
		r = mount_live(sandbox, &mounts->items[mounts->count - 1], mounts->count - 1, err);
	if (r < 0)
		leave_mount(sandbox);
	return r;
}

static int mount(struct request *request, struct err *err)
{
	json_t *force = json_object_get(request->body, "force");
	bool is_forced = json_is_true(force);
	struct sandbox *sandbox;
	int r;

	if (force != NULL && !json_is_boolean(force))
		return err_set(err, -EINVAL, "force must be true or false");
	(void)json_object_del(request->body, "force");
	r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&sandbox->mount_lock);
	r = add_mount(sandbox, request->body, is_forced, err);
	(void)pthread_mutex_unlock(&sandbox->mount_lock);
	if (r == 0)
		supervisor_audit(request->supervisor, "mount", sandbox->record.name,
				 json_deep_copy(request->body));
	if (r == 0)
		r = request_reply(request, 201, view_sandbox(sandbox), err);
	supervisor_put(sandbox);
	return r;
}

const struct route routes_guest[] = {
	{ "POST", "/sandbox/{}/attach", attach },
	{ "POST", "/sandbox/{}/exec", exec },
	{ "GET", "/sandbox/{}/exec", list_execs },
	{ "GET", "/sandbox/{}/exec/{}", show_exec },
	{ "POST", "/sandbox/{}/exec/{}/kill", kill_exec },
	{ "POST", "/sandbox/{}/trim", trim },
	{ "POST", "/sandbox/{}/mounts", mount },
	{ NULL, NULL, NULL },
};
