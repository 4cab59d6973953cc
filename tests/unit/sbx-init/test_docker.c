/* The Docker Engine's socket, with this program itself in the place of dockerd. */
#include "sbx-init/docker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "tests/unit/test.h"

enum { WAIT_MS = 30000, LISTEN_FD = 3 };

static char folder[] = "/tmp/docker-XXXXXX";
static char socket_path[64], log_path[64];

static int start(char *mode, int *ret)
{
	static char program[] = "/proc/self/exe";
	static char *args[] = { program, NULL, NULL };
	static struct docker_config config;
	struct err err = ERR_INIT;

	args[1] = mode;
	(void)snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	(void)snprintf(log_path, sizeof(log_path), "%s/log", folder);
	(void)unlink(log_path);
	config = (struct docker_config){
		.socket = socket_path, .gid = getgid(), .args = args, .log = log_path, .run = folder
	};
	return docker_start(&config, &err, ret);
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

TEST(an_engine_that_fails_once_gets_a_second_try)
{
	char mode[64];
	int process;

	(void)snprintf(mode, sizeof(mode), "%s/mark", folder);
	CHECK_EQ(start(mode, &process), 0);
	CHECK_EQ(ask(), 'y');
	CHECK_EQ(unlink(mode), 0);
	finish(process);
}

TEST(to_stop_is_to_let_the_engine_end)
{
	static char mode[] = "serve";
	char last[8] = "";
	autoclose int fd = -1;
	int process;

	CHECK_EQ(start(mode, &process), 0);
	CHECK_EQ(ask(), 'y');
	docker_stop(process);
	CHECK(ends(process));
	fd = open(log_path, O_RDONLY | O_CLOEXEC);
	CHECK_EQ(fd_read_full(fd, last, 3), 3);
	CHECK_STR(last, "end");
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
	const struct docker_config config = { .socket = "/nowhere/socket", .args = args };
	struct err err = ERR_INIT;
	int process = 0;

	CHECK_EQ(docker_start(&config, &err, &process), 0);
	CHECK_EQ(process, -1);
	docker_stop(process);
}

static void write_end(int signal)
{
	(void)signal;
	(void)!write(STDOUT_FILENO, "end", 3);
	_exit(0);
}

/* As dockerd sees it: a listening socket at 3, meant for this process. */
static int engine(const char *mode)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	(void)signal(SIGTERM, write_end);
	/* a file to be made: the first one fails */
	if (mode[0] == '/' && open(mode, O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0)
		return 1;
	if (strcmp(mode, "fail") == 0 || pid == NULL || atoi(pid) != getpid() || count == NULL ||
	    strcmp(count, "1") != 0)
		return 1;
	do {
		int client = accept4(LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			return 1;
		(void)!write(client, "y", 1);
		(void)close(client);
	} while (strcmp(mode, "once") != 0);
	return 0;
}

int main(int argc, char **argv)
{
	int r;

	if (argc == 2)
		return engine(argv[1]);
	if (mkdtemp(folder) == NULL)
		return 1;
	r = test_main();
	(void)unlink(log_path);
	(void)unlink(socket_path);
	(void)rmdir(folder);
	return r;
}
