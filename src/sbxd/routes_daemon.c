/* /daemon and /diagnose: the daemon itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "app/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "engine/engine.h"
#include "sbxd/diagnose.h"
#include "sbxd/disk.h"
#include "sbxd/idle.h"
#include "sbxd/policy_log.h"
#include "sbxd/policy_store.h"
#include "sbxd/route.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_store.h"
#include "sbxd/view.h"

enum { API_VERSION = 1, STOP_S = 10, STOP_ALL_MS = 60000 };

static int health(struct request *request, struct err *err)
{
	return request_reply(request, 200,
			     json_pack("{ss ss si si}", "status", "healthy", "version", SBX_VERSION,
				       "api_version", API_VERSION, "pid", (int)getpid()),
			     err);
}

/* engine: what "auto" chooses here, NULL when nothing works; why says so. */
static json_t *view_engine(const struct engine_impl *engine, const char *why)
{
	return json_pack("{ss ss}", "name", engine != NULL ? engine->name : "none", "why", why);
}

static json_t *view_artefacts(const struct artefacts *artefacts)
{
	return json_pack("{ss* ss* ss*}", "kernel", artefacts->paths[ARTEFACT_KERNEL], "templates",
			 artefacts->paths[ARTEFACT_TEMPLATES], "initramfs",
			 artefacts->paths[ARTEFACT_INITRAMFS]);
}

static json_t *view_defaults(const struct host *host, const struct engine_impl *engine)
{
	uint64_t engine_bytes = engine != NULL ? engine->default_memory_bytes : 0;

	return json_pack("{si sI sI sI sI si}", "cpus", (int)host->cpus, "memory",
			 (json_int_t)host_memory_default(host, engine_bytes), "memory_max",
			 (json_int_t)host->memory_bytes, "disk", (json_int_t)DISK_DEFAULT_BYTES,
			 "docker_disk", (json_int_t)DISK_DOCKER_DEFAULT_BYTES, "idle",
			 IDLE_MS / 1000);
}

static json_t *view_counts(struct supervisor *supervisor)
{
	size_t count = 0;
	int running = 0;
	autofree struct sandbox **all = supervisor_list(supervisor, &count);

	for (size_t i = 0; i < count; i++) {
		(void)pthread_mutex_lock(&all[i]->lock);
		running += all[i]->record.status == SANDBOX_RUNNING;
		(void)pthread_mutex_unlock(&all[i]->lock);
		supervisor_put(all[i]);
	}
	return json_pack("{si si}", "total", (int)count, "running", running);
}

static int info(struct request *request, struct err *err)
{
	struct supervisor *supervisor = request->supervisor;
	const struct paths *paths = &supervisor->paths;
	const struct engine_impl *engine = NULL;
	struct err why = ERR_INIT;

	(void)engine_choose("auto", &engine, &why);
	return request_reply(
		request, 200,
		json_pack("{ss si si so sI ss ss ss ss so so so so}", "version", SBX_VERSION,
			  "api_version", API_VERSION, "pid", (int)getpid(), "started_at",
			  view_time(supervisor->started_at), "uptime",
			  (json_int_t)(time(NULL) - supervisor->started_at), "socket",
			  paths->socket, "state_dir", paths->state, "run_dir", paths->run, "log",
			  paths->log, "engine", view_engine(engine, why.text), "artefacts",
			  view_artefacts(&supervisor->artefacts), "defaults",
			  view_defaults(&supervisor->host, engine), "sandboxes",
			  view_counts(supervisor)),
		err);
}

/* Asks all for an operation at once, then waits for each. */
static void do_all(struct supervisor *supervisor, enum sandbox_operation operation,
		   json_t *ret_names)
{
	uint64_t deadline_ms = clock_now_ms() + STOP_ALL_MS;
	size_t count = 0;
	autofree struct sandbox **all = supervisor_list(supervisor, &count);
	autofree struct sandbox_ticket *tickets = calloc(count + 1, sizeof(*tickets));
	struct err ignored = ERR_INIT;

	for (size_t i = 0; tickets != NULL && i < count; i++)
		if (sandbox_request(all[i], operation, STOP_S, &tickets[i], &ignored) < 0)
			tickets[i].is_done = true;
	for (size_t i = 0; i < count; i++) {
		if (tickets != NULL &&
		    sandbox_wait(all[i], &tickets[i], deadline_ms, &ignored) == 0)
			(void)json_array_append_new(ret_names, json_string(all[i]->record.name));
		supervisor_put(all[i]);
	}
}

static void end_daemon(struct supervisor *supervisor)
{
	(void)eventfd_write(supervisor->stop_fd, 1);
}

static int stop(struct request *request, struct err *err)
{
	const char *sandboxes = "keep";
	json_t *names;
	int r = request_unpack(request, err, "{s?s}", "sandboxes", &sandboxes);

	if (r < 0)
		return r;
	if (strcmp(sandboxes, "keep") != 0 && strcmp(sandboxes, "stop") != 0)
		return err_set(err, -EINVAL, "sandboxes must be 'keep' or 'stop'");
	names = json_array();
	if (strcmp(sandboxes, "stop") == 0)
		do_all(request->supervisor, SANDBOX_STOP, names);
	json_decref(names);
	request->after = end_daemon;
	return request_reply(request, 200, json_object(), err);
}

static int reset(struct request *request, struct err *err)
{
	struct supervisor *supervisor = request->supervisor;
	int keep_secrets = 0;
	json_t *names;
	int r = request_unpack(request, err, "{s?b}", "preserve_secrets", &keep_secrets);

	if (r < 0)
		return r;
	names = json_array();
	do_all(supervisor, SANDBOX_REMOVE, names);
	policy_log_clear(supervisor->policy_log, NULL);
	r = policy_store_reset(supervisor->policy, err);
	if (r == 0)
		r = template_store_clear(supervisor->store, err);
	if (r == 0 && keep_secrets == 0)
		r = secret_store_reset(supervisor->secrets, err);
	if (r < 0) {
		json_decref(names);
		return r;
	}
	template_store_collect(supervisor->store, supervisor);
	request->after = end_daemon;
	return request_reply(request, 200, json_pack("{s{so}}", "result", "removed", names), err);
}

static int diagnose(struct request *request, struct err *err)
{
	return request_reply(request, 200, diagnose_all(request->supervisor), err);
}

static int show_log_level(struct request *request, struct err *err)
{
	return request_reply(request, 200, json_pack("{ss}", "level", log_level_name(log_level())),
			     err);
}

/* Until the daemon ends; the programs of sandboxes have logs of their own. */
static int set_log_level(struct request *request, struct err *err)
{
	enum log_level level = LOG_LEVEL_INFO;
	const char *name = NULL;
	int r = request_unpack(request, err, "{ss}", "level", &name);

	if (r == 0 && log_level_parse(name, &level) < 0)
		r = err_set(err, -EINVAL, "a level is error, warning, info or debug");
	if (r < 0)
		return r;
	log_set_level(level);
	return show_log_level(request, err);
}

const struct route routes_daemon[] = {
	{ "GET", "/daemon/health", health },
	{ "GET", "/daemon/info", info },
	{ "POST", "/daemon/stop", stop },
	{ "POST", "/daemon/reset", reset },
	{ "GET", "/daemon/loglevel", show_log_level },
	{ "POST", "/daemon/loglevel/set", set_log_level },
	{ "GET", "/diagnose", diagnose },
	{ NULL, NULL, NULL },
};
