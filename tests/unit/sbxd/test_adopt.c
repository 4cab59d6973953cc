#include "sbxd/adopt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/process.h"
#include "sbxd/run.h"
#include "tests/unit/sbxd/fixture.h"
#include "tests/unit/test.h"

enum { NET_SOCKET = 1, PROXY_SOCKET = 2, SOCKETS = 3 };

static const char *const sockets[SOCKETS] = { "vsock.sock", "net.sock", "proxy.sock" };
static struct fixture fixture;

/* Leaves a sandbox on disk as a daemon that was killed would. */
static int leave(struct record *record)
{
	char *folder = path_join(fixture.supervisor.paths.sandboxes, record->name);
	char *path = path_join(folder, "sandbox.json"), *text = record_format(record);
	int r = mkdir(folder, 0700);

	if (r == 0)
		r = file_write(AT_FDCWD, path, text, strlen(text), 0600);
	free(text);
	free(path);
	free(folder);
	record_finish(record);
	return r;
}

/* A child that lives until it is killed. */
static pid_t spawn_child(struct process_id *ret)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	(void)process_identify(pid, ret);
	return pid;
}

static void close_all(const int fds[SOCKETS])
{
	for (size_t i = 0; i < SOCKETS; i++)
		(void)close(fds[i]);
}

/* Takes what a daemon pushes to sbx-proxy, which is more than a socket holds, until it ends. */
static void start_reader(int listen_fd)
{
	char chunk[65536];
	int fd;

	if (fork() != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = accept(listen_fd, NULL, NULL);
	while (read(fd, chunk, sizeof(chunk)) > 0)
		;
	_exit(0);
}

/* A running sandbox with these processes and the sockets of its backends. */
static void leave_running(enum sandbox_status status, bool is_fleeting, pid_t pids[RUN_ROLES],
			  int ret_listen[SOCKETS])
{
	char run_folder[PATH_MAX + 32], path[PATH_MAX + 64];
	struct record record;

	fixture_record(&record, "demo");
	record.status = status;
	record.is_fleeting = is_fleeting;
	for (int role = 0; role < RUN_ROLES; role++) {
		struct record_process *process = &record.processes[role];

		pids[role] = spawn_child(&process->id);
		(void)snprintf(process->name, sizeof(process->name), "%s",
			       run_role_name((enum run_role)role, &record));
	}
	record.processes_count = RUN_ROLES;
	(void)snprintf(run_folder, sizeof(run_folder), "%s/%s", fixture.supervisor.paths.runs,
		       record.name);
	(void)mkdir(run_folder, 0700);
	for (size_t i = 0; i < SOCKETS; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", run_folder, sockets[i]);
		(void)fd_listen_unix(path, &ret_listen[i]);
	}
	start_reader(ret_listen[PROXY_SOCKET]);
	(void)leave(&record);
}

static bool ends(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

static void wait_for(struct sandbox *sandbox, enum sandbox_status status)
{
	uint64_t deadline_ms = clock_now_ms() + 20000;

	(void)pthread_mutex_lock(&sandbox->lock);
	while (sandbox->record.status != status && clock_left_ms(deadline_ms) > 0)
		sandbox_wait_change(sandbox, deadline_ms);
	(void)pthread_mutex_unlock(&sandbox->lock);
}

static struct sandbox *adopt(void)
{
	struct err err = ERR_INIT;

	if (adopt_all(&fixture.supervisor, &err) < 0)
		return NULL;
	return supervisor_find(&fixture.supervisor, "demo");
}

TEST(a_running_one_is_taken_back_and_watched)
{
	pid_t pids[RUN_ROLES];
	struct sandbox *sandbox;
	int listen_fds[SOCKETS] = { -1, -1, -1 };

	CHECK_EQ(fixture_make(&fixture), 0);
	leave_running(SANDBOX_RUNNING, false, pids, listen_fds);
	sandbox = adopt();
	CHECK(sandbox != NULL);
	CHECK_EQ(fixture_status(sandbox), SANDBOX_RUNNING);
	/* one process dies: all are ended, and the reason names it */
	CHECK_EQ(kill(pids[RUN_FS], SIGKILL), 0);
	wait_for(sandbox, SANDBOX_STOPPED);
	CHECK_EQ(fixture_status(sandbox), SANDBOX_STOPPED);
	CHECK(strstr(sandbox->record.reason, "sbx-fs") != NULL);
	for (int role = 0; role < RUN_ROLES; role++)
		CHECK(role == RUN_FS || kill(pids[role], 0) < 0 || ends(pids[role]));
	close_all(listen_fds);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

/* Of one that cannot be understood nobody knows by which policy it works. */
TEST(one_whose_network_talks_nonsense_is_ended)
{
	static const uint8_t nonsense[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	int listen_fds[SOCKETS] = { -1, -1, -1 }, net;
	pid_t pids[RUN_ROLES];
	struct sandbox *sandbox;

	CHECK_EQ(fixture_make(&fixture), 0);
	leave_running(SANDBOX_RUNNING, false, pids, listen_fds);
	sandbox = adopt();
	CHECK(sandbox != NULL);
	net = accept(listen_fds[NET_SOCKET], NULL, NULL);
	CHECK_EQ(write(net, nonsense, sizeof(nonsense)), (ssize_t)sizeof(nonsense));
	wait_for(sandbox, SANDBOX_STOPPED);
	CHECK_EQ(fixture_status(sandbox), SANDBOX_STOPPED);
	CHECK(strstr(sandbox->record.reason, "sbx-net said what cannot be understood") != NULL);
	for (int role = 0; role < RUN_ROLES; role++)
		CHECK(kill(pids[role], 0) < 0 || ends(pids[role]));
	(void)close(net);
	close_all(listen_fds);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_record_that_could_not_be_written_is_written_later)
{
	pid_t pids[RUN_ROLES];
	struct sandbox *sandbox;
	struct err err = ERR_INIT;
	int listen_fds[SOCKETS] = { -1, -1, -1 };
	struct buf text;
	uint64_t deadline_ms;
	char *away, *path;

	CHECK_EQ(fixture_make(&fixture), 0);
	leave_running(SANDBOX_RUNNING, false, pids, listen_fds);
	sandbox = adopt();
	CHECK(sandbox != NULL);
	away = path_join(fixture.supervisor.paths.sandboxes, "away");
	path = path_join(sandbox->folder, "sandbox.json");
	CHECK_EQ(rename(sandbox->folder, away), 0);
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->record.last_used_at = 1234567890;
	(void)pthread_mutex_unlock(&sandbox->lock);
	CHECK(sandbox_save(sandbox, &err) < 0);
	CHECK_EQ(rename(away, sandbox->folder), 0);

	deadline_ms = clock_now_ms() + 20000;
	(void)pthread_mutex_lock(&sandbox->lock);
	CHECK(sandbox->is_unsaved);
	sandbox_poke(sandbox);
	while (sandbox->is_unsaved && clock_left_ms(deadline_ms) > 0)
		sandbox_wait_change(sandbox, deadline_ms);
	CHECK(!sandbox->is_unsaved);
	(void)pthread_mutex_unlock(&sandbox->lock);
	buf_init(&text, 65536);
	CHECK_EQ(file_read(AT_FDCWD, path, &text), 0);
	CHECK(strstr(buf_str(&text), "1234567890") != NULL);

	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	for (int role = 0; role < RUN_ROLES; role++)
		CHECK(kill(pids[role], 0) < 0 || ends(pids[role]));
	buf_finish(&text);
	free(path);
	free(away);
	close_all(listen_fds);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_running_fleeting_one_goes_when_it_stops)
{
	pid_t pids[RUN_ROLES];
	struct sandbox *sandbox;
	int listen_fds[SOCKETS] = { -1, -1, -1 };

	CHECK_EQ(fixture_make(&fixture), 0);
	leave_running(SANDBOX_RUNNING, true, pids, listen_fds);
	sandbox = adopt();
	CHECK(sandbox != NULL);
	CHECK_EQ(fixture_status(sandbox), SANDBOX_RUNNING);
	CHECK_EQ(kill(pids[RUN_ENGINE], SIGKILL), 0);
	wait_for(sandbox, SANDBOX_GONE);
	CHECK(supervisor_find(&fixture.supervisor, "demo") == NULL);
	for (int role = 0; role < RUN_ROLES; role++)
		CHECK(role == RUN_ENGINE || kill(pids[role], 0) < 0 || ends(pids[role]));
	close_all(listen_fds);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(one_whose_backend_died_meanwhile_is_stopped)
{
	pid_t pids[RUN_ROLES];
	struct sandbox *sandbox;
	int listen_fds[SOCKETS] = { -1, -1, -1 };

	CHECK_EQ(fixture_make(&fixture), 0);
	leave_running(SANDBOX_RUNNING, false, pids, listen_fds);
	CHECK_EQ(kill(pids[RUN_BLK], SIGKILL), 0);
	CHECK(ends(pids[RUN_BLK]));
	sandbox = adopt();
	CHECK_EQ(fixture_status(sandbox), SANDBOX_STOPPED);
	CHECK(sandbox->record.reason != NULL);
	close_all(listen_fds);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_half_started_one_is_ended)
{
	pid_t pids[RUN_ROLES];
	struct sandbox *sandbox;
	int listen_fds[SOCKETS] = { -1, -1, -1 };

	CHECK_EQ(fixture_make(&fixture), 0);
	leave_running(SANDBOX_STARTING, false, pids, listen_fds);
	sandbox = adopt();
	CHECK_EQ(fixture_status(sandbox), SANDBOX_STOPPED);
	for (int role = 0; role < RUN_ROLES; role++)
		CHECK(kill(pids[role], 0) < 0 || ends(pids[role]));
	close_all(listen_fds);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_reused_pid_is_not_ours)
{
	struct record record;
	struct sandbox *sandbox;
	struct process_id id;
	pid_t pid = spawn_child(&id);

	CHECK_EQ(fixture_make(&fixture), 0);
	fixture_record(&record, "demo");
	record.status = SANDBOX_STARTING;
	record.processes_count = 1;
	record.processes[0] =
		(struct record_process){ .name = "qemu",
					 .id = { .pid = pid, .start_ticks = id.start_ticks - 1 } };
	CHECK_EQ(leave(&record), 0);
	sandbox = adopt();
	CHECK_EQ(fixture_status(sandbox), SANDBOX_STOPPED);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* still there */
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(half_made_half_removed_and_fleeting_ones_go)
{
	static const enum sandbox_status left[] = { SANDBOX_CREATING, SANDBOX_REMOVING,
						    SANDBOX_STOPPED };

	for (size_t i = 0; i < countof(left); i++) {
		struct record record;
		struct sandbox *sandbox;

		CHECK_EQ(fixture_make(&fixture), 0);
		fixture_record(&record, "demo");
		record.status = left[i];
		record.is_fleeting = left[i] == SANDBOX_STOPPED;
		CHECK_EQ(leave(&record), 0);
		sandbox = adopt();
		if (sandbox != NULL)
			wait_for(sandbox, SANDBOX_GONE);
		CHECK(supervisor_find(&fixture.supervisor, "demo") == NULL);
		supervisor_put(sandbox);
		fixture_remove(&fixture);
	}
}

TEST(a_cut_record_is_damaged_and_can_be_removed)
{
	struct err err = ERR_INIT;
	struct record record;
	struct sandbox *sandbox;
	char *path;

	CHECK_EQ(fixture_make(&fixture), 0);
	fixture_record(&record, "demo");
	record.status = SANDBOX_STOPPED;
	CHECK_EQ(leave(&record), 0);
	path = path_join(fixture.supervisor.paths.sandboxes, "demo/sandbox.json");
	CHECK_EQ(truncate(path, 100), 0);
	sandbox = adopt();
	CHECK_EQ(fixture_status(sandbox), SANDBOX_DAMAGED);
	CHECK(strstr(sandbox->record.reason, "state file") != NULL);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	CHECK(access(path, F_OK) < 0);
	free(path);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_cut_record_of_a_running_one_is_found_beside_its_sockets)
{
	pid_t pids[RUN_ROLES];
	struct sandbox *sandbox;
	struct err err = ERR_INIT;
	int listen_fds[SOCKETS] = { -1, -1, -1 };
	char *path, *copy;

	CHECK_EQ(fixture_make(&fixture), 0);
	leave_running(SANDBOX_RUNNING, false, pids, listen_fds);
	path = path_join(fixture.supervisor.paths.sandboxes, "demo/sandbox.json");
	copy = path_join(fixture.supervisor.paths.runs, "demo/sandbox.json");
	CHECK_EQ(rename(path, copy), 0);
	CHECK_EQ(file_write(AT_FDCWD, path, "{\"ver", 5, 0600), 0);
	sandbox = adopt();
	CHECK(sandbox != NULL);
	CHECK_EQ(fixture_status(sandbox), SANDBOX_RUNNING);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	for (int role = 0; role < RUN_ROLES; role++)
		CHECK(kill(pids[role], 0) < 0 || ends(pids[role]));
	CHECK(access(path, F_OK) < 0 && access(copy, F_OK) < 0);
	free(path);
	free(copy);
	close_all(listen_fds);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST_MAIN()
