/* The Docker Engine's socket, with this program itself in the place of dockerd and containerd. */
#include "sbx-init/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "tests/unit/test.h"

enum { WAIT_MS = 30000, LISTEN_FD = 3 };

static char folder[] = "/tmp/docker-XXXXXX";
static char socket_path[64], log_path[64];

/* runtime: what stands for containerd does; NULL: there is none */
static int start_with(char *runtime, char *mode, int *ret)
{
	static char program[] = "/proc/self/exe", part[] = "runtime";
	static char *args[] = { program, NULL, NULL }, *pair[] = { program, part, NULL, NULL };
	static struct docker_config config;
	struct err err = ERR_INIT;

	args[1] = mode;
	pair[2] = runtime;
	(void)snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	(void)snprintf(log_path, sizeof(log_path), "%s/log", folder);
	(void)unlink(log_path);
	config = (struct docker_config){ .socket = socket_path,
					 .gid = getgid(),
					 .engine = { .args = args,
						     .runtime = runtime == NULL ? NULL : pair,
						     .runtime_ms = WAIT_MS,
						     .log = log_path,
						     .run = folder } };
	if (runtime != NULL && strcmp(runtime, "silent") == 0)
		config.engine.runtime_ms = 50;
	return docker_start(&config, &err, ret);
}

static int start(char *mode, int *ret)
{
	return start_with(NULL, mode, ret);
}

/* One answer of the engine, '\0' when it hung up without one. */
static char ask(void)
{
	autoclose int fd = -1;
	char answer = '\0';
	struct pollfd set = { .events = POLLIN };

	if (fd_connect_unix(socket_path, &fd) < 0)
		return '!';
	set.fd = fd;
	if (poll(&set, 1, WAIT_MS) <= 0)
		return '?';
	(void)!read(fd, &answer, 1);
	return answer;
}

static bool ends(int process)
{
	struct pollfd set = { .fd = process, .events = POLLIN };

	return poll(&set, 1, WAIT_MS) == 1;
}

static void finish(int process)
{
	docker_stop(process);
	(void)close(process);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

TEST(nothing_runs_before_the_first_connection)
{
	static char mode[] = "serve";
	struct stat st;
	int process;

	CHECK_EQ(start(mode, &process), 0);
	CHECK_EQ(stat(socket_path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0660);
	CHECK(access(log_path, F_OK) < 0);
	CHECK_EQ(ask(), 'y');
	CHECK_EQ(access(log_path, F_OK), 0);
	CHECK_EQ(ask(), 'y');
	finish(process);
}

TEST(an_engine_that_ended_is_started_again)
{
	static char mode[] = "once";
	int process;

	CHECK_EQ(start(mode, &process), 0);
	CHECK_EQ(ask(), 'y');
	CHECK_EQ(ask(), 'y');
	finish(process);
}

TEST(who_waits_for_an_engine_that_fails_is_turned_away)
{
	static char mode[] = "fail";
	int process;

	CHECK_EQ(start(mode, &process), 0);
	CHECK_EQ(ask(), '\0');
	CHECK_EQ(ask(), '\0');
	finish(process);
}

/* What the parts wrote; it ends in '\0'. */
static void read_log(char *ret, size_t size)
{
	autoclose int fd = open(log_path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd_read_full(fd, ret, size - 1);

	ret[len < 0 ? 0 : len] = '\0';
}

TEST(to_stop_is_to_let_the_engine_end)
{
	static char mode[] = "serve";
	char text[64];
	int process;

	CHECK_EQ(start(mode, &process), 0);
	CHECK_EQ(ask(), 'y');
	docker_stop(process);
	CHECK(ends(process));
	read_log(text, sizeof(text));
	CHECK_STR(text, "end ");
	finish(process);
}

TEST(the_runtime_is_ready_before_the_engine_and_ends_after_it)
{
	static char runtime[] = "serve", mode[] = "serve";
	char text[64];
	int process;

	CHECK_EQ(start_with(runtime, mode, &process), 0);
	CHECK_EQ(ask(), 'y');
	read_log(text, sizeof(text));
	CHECK_STR(text, "ready ");
	docker_stop(process);
	CHECK(ends(process));
	read_log(text, sizeof(text));
	CHECK_STR(text, "ready end down ");
	finish(process);
}

TEST(the_runtime_ends_with_an_engine_that_ended_by_itself)
{
	static char runtime[] = "serve", mode[] = "once";
	char text[64];
	int process;

	CHECK_EQ(start_with(runtime, mode, &process), 0);
	CHECK_EQ(ask(), 'y');
	CHECK_EQ(ask(), 'y');
	docker_stop(process);
	CHECK(ends(process));
	read_log(text, sizeof(text));
	CHECK_STR(text, "ready down ");
	finish(process);
}

TEST(without_a_runtime_that_gets_ready_there_is_no_engine)
{
	static char kinds[][8] = { "fail", "silent", "other" };
	static char mode[] = "serve";

	for (size_t i = 0; i < countof(kinds); i++) {
		int process;

		CHECK_EQ(start_with(kinds[i], mode, &process), 0);
		CHECK_EQ(ask(), '\0');
		CHECK_EQ(ask(), '\0');
		finish(process);
	}
}

static bool log_becomes(const char *want)
{
	uint64_t deadline = clock_now_ms() + WAIT_MS;
	char text[64];

	do {
		read_log(text, sizeof(text));
		if (strcmp(text, want) == 0)
			return true;
		(void)poll(NULL, 0, 1);
	} while (clock_left_ms(deadline) > 0);
	return false;
}

TEST(a_runtime_that_was_ready_is_started_again)
{
	static char mode[] = "serve";
	char runtime[64], text[64];
	int process;

	(void)snprintf(runtime, sizeof(runtime), "%s/mark", folder);
	CHECK_EQ(start_with(runtime, mode, &process), 0);
	CHECK_EQ(ask(), 'y');
	CHECK(log_becomes("ready ready "));
	CHECK_EQ(ask(), 'y');
	docker_stop(process);
	CHECK(ends(process));
	read_log(text, sizeof(text));
	CHECK_STR(text, "ready ready end down ");
	CHECK_EQ(unlink(runtime), 0);
	finish(process);
}

TEST(unused_it_ends_at_once)
{
	static char mode[] = "serve";
	int process;

	CHECK_EQ(start(mode, &process), 0);
	docker_stop(process);
	CHECK(ends(process));
	CHECK(access(log_path, F_OK) < 0);
	finish(process);
}

TEST(without_the_program_there_is_no_socket)
{
	static char program[] = "/nowhere/dockerd";
	static char *const args[] = { program, NULL };
	const struct docker_config config = { .socket = "/nowhere/socket", .engine.args = args };
	struct err err = ERR_INIT;
	int process = 0;

	CHECK_EQ(docker_start(&config, &err, &process), 0);
	CHECK_EQ(process, -1);
	docker_stop(process);
}

static void write_end(int signal)
{
	(void)signal;
	(void)!write(STDOUT_FILENO, "end ", 4);
	_exit(0);
}

static void write_down(int signal)
{
	(void)signal;
	(void)!write(STDOUT_FILENO, "down ", 5);
	_exit(0);
}

/* As sd_notify() does: to an address in the abstract, which '@' stands for. */
static bool notify(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t len = name == NULL ? 0 : strlen(name);

	if (len < 2 || len > sizeof(address.sun_path) || name[0] != '@')
		return false;
	memcpy(address.sun_path + 1, name + 1, len - 1);
	return sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) >= 0;
}

/* As containerd: says that it is ready and goes on until it is asked to end. */
static int runtime(const char *mode)
{
	bool is_first = mode[0] == '/' && open(mode, O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0;

	(void)signal(SIGTERM, write_down);
	if (strcmp(mode, "fail") == 0)
		return 1;
	if (strcmp(mode, "other") == 0)
		return notify("STATUS=READY=1\nREADY=0") ? 0 : 1;
	if (strcmp(mode, "silent") != 0) {
		(void)!write(STDOUT_FILENO, "ready ", 6);
		if (!notify("STATUS=up\nREADY=1") || is_first)
			return 1;
	}
	for (;;)
		(void)pause();
}

/* As dockerd: a listening socket at 3, meant for this process. */
static int engine(const char *mode)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	bool is_once = strcmp(mode, "once") == 0;

	(void)signal(SIGTERM, is_once ? SIG_IGN : write_end);
	if (strcmp(mode, "fail") == 0 || pid == NULL || atoi(pid) != getpid() || count == NULL ||
	    strcmp(count, "1") != 0)
		return 1;
	do {
		int client = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			return 1;
		(void)!write(client, "y", 1);
		(void)close(client);
	} while (!is_once);
	return 0;
}

int main(int argc, char **argv)
{
	int r;

	if (argc == 2)
		return engine(argv[1]);
	if (argc == 3 && strcmp(argv[1], "runtime") == 0)
		return runtime(argv[2]);
	if (mkdtemp(folder) == NULL)
		return 1;
	r = test_main();
	(void)unlink(log_path);
	(void)unlink(socket_path);
	(void)rmdir(folder);
	return r;
}
