/*
 * A supervisor in a temporary folder, for tests of what happens to sandboxes.
 */
#ifndef TESTS_UNIT_SBXD_FIXTURE_H
#define TESTS_UNIT_SBXD_FIXTURE_H

#include "base/clock.h"
#include "base/err.h"
#include "sbxd/disk.h"
#include "sbxd/policy_log.h"
#include "sbxd/policy_store.h"
#include "sbxd/ports.h"
#include "sbxd/sandbox.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"
#include "sbxd/uplink.h"
#include "tests/unit/sbxd/folder.h"

struct fixture {
	char folder[PATH_MAX];
	struct supervisor supervisor;
};

/* No artefacts: a start fails with a sentence, everything else works. */
static inline int fixture_make(struct fixture *fixture)
{
	struct supervisor *supervisor = &fixture->supervisor;
	struct err err = ERR_INIT;
	int r;

	*supervisor = (struct supervisor){ .count = 0 };
	list_init(&supervisor->sandboxes);
	(void)pthread_mutex_init(&supervisor->creation, NULL);
	(void)pthread_mutex_init(&supervisor->lock, NULL);
	host_read(&supervisor->host);
	if (uplink_create(&supervisor->uplink) < 0 || ports_create(&supervisor->ports) < 0)
		return -ENOMEM;
	r = folder_make(fixture->folder, &supervisor->paths);
	if (r == 0)
		r = policy_store_create(supervisor->paths.state, NULL, &supervisor->policy, &err);
	if (r == 0)
		r = policy_log_create(supervisor->paths.state, &supervisor->policy_log, &err);
	return r < 0 ? r
		     : secret_store_create(supervisor->paths.state, NULL, &supervisor->secrets,
					   &err);
}

/* Its keeper tidies up after what the test waited for; what it uses stays until then. */
static inline void fixture_await_keeper(struct sandbox *sandbox)
{
	uint64_t deadline_ms = clock_now_ms() + 10000;

	(void)pthread_mutex_lock(&sandbox->lock);
	while (sandbox->keeper_runs && clock_left_ms(deadline_ms) > 0)
		sandbox_wait_change(sandbox, clock_now_ms() + 10);
	(void)pthread_mutex_unlock(&sandbox->lock);
}

static inline void fixture_remove(struct fixture *fixture)
{
	size_t count = 0;
	struct sandbox **all = supervisor_list(&fixture->supervisor, &count);

	for (size_t i = 0; i < count; i++) {
		fixture_await_keeper(all[i]);
		supervisor_remove(&fixture->supervisor, all[i]);
		supervisor_put(all[i]);
	}
	free(all);
	uplink_destroy(fixture->supervisor.uplink);
	secret_store_destroy(fixture->supervisor.secrets);
	policy_store_destroy(fixture->supervisor.policy);
	policy_log_destroy(fixture->supervisor.policy_log);
	folder_remove(fixture->folder, &fixture->supervisor.paths);
}

static inline void fixture_record(struct record *record, const char *name)
{
	record_init(record, name);
	(void)record_set(&record->agent, "shell");
	(void)record_set(&record->engine, "qemu");
	record->cpus = 1;
	record->memory_bytes = DISK_MIN_BYTES;
	record->disk_bytes = record->docker_disk_bytes = DISK_MIN_BYTES;
}

/* Asks for an operation and waits for its end. */
static inline int fixture_do(struct sandbox *sandbox, enum sandbox_operation operation,
			     struct err *err)
{
	struct sandbox_ticket ticket;
	int r = sandbox_request(sandbox, operation, 0, &ticket, err);

	return r < 0 ? r : sandbox_wait(sandbox, &ticket, clock_now_ms() + 30000, err);
}

static inline enum sandbox_status fixture_status(struct sandbox *sandbox)
{
	enum sandbox_status status;

	(void)pthread_mutex_lock(&sandbox->lock);
	status = sandbox->record.status;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return status;
}

#endif
