#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/test.h"

static bool is_cloexec(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

TEST(passes_descriptors_close_on_exec)
{
	autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int pair[2], got[2] = { -1, -1 };
	size_t count = 2;
	char byte = 0;

	CHECK_EQ(fd_socketpair(pair), 0);
	CHECK_EQ(fd_send(pair[0], "x", 1, (int[]){ null, pair[0] }, 2), 1);
	CHECK_EQ(fd_recv(pair[1], &byte, 1, got, &count), 1);
	CHECK_EQ(count, 2);
	CHECK_EQ(byte, 'x');
	CHECK(is_cloexec(got[0]) && is_cloexec(got[1]));
	(void)close(got[0]);
	(void)close(got[1]);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

TEST(more_descriptors_than_asked_are_closed)
{
	int pair[2], got[1], before, after;
	size_t count = 1;
	char byte;

	CHECK_EQ(fd_socketpair(pair), 0);
	before = dup(0);
	(void)close(before);
	CHECK_EQ(fd_send(pair[0], "x", 1, (int[]){ 0, 1, 2 }, 3), 1);
	CHECK_EQ(fd_recv(pair[1], &byte, 1, got, &count), -EMFILE);
	after = dup(0);
	(void)close(after);
	CHECK_EQ(after, before);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

TEST(recv_says_end)
{
	int pair[2];
	size_t count = 0;
	char byte;

	CHECK_EQ(fd_socketpair(pair), 0);
	(void)close(pair[0]);
	CHECK_EQ(fd_recv(pair[1], &byte, 1, NULL, &count), 0);
	(void)close(pair[1]);
}

TEST(read_full_stops_at_the_end)
{
	int pipes[2];
	char out[8];

	CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
	CHECK_EQ(fd_write_full(pipes[1], "abc", 3), 0);
	(void)close(pipes[1]);
	CHECK_EQ(fd_read_full(pipes[0], out, sizeof(out)), 3);
	(void)close(pipes[0]);
}

/* A folder deep enough that the socket's path exceeds sun_path. */
TEST(bytes_as_a_file)
{
	autoclose int fd = fd_from_bytes("two words", 9), empty = fd_from_bytes("", 0);
	char text[16] = "";

	CHECK(fd >= 0 && empty >= 0 && is_cloexec(fd));
	CHECK_EQ(fd_read_full(fd, text, sizeof(text)), 9);
	CHECK_STR(text, "two words");
	CHECK_EQ(fd_read_full(empty, text, sizeof(text)), 0);
}

TEST(unix_sockets_at_long_paths)
{
	char path[400] = "/tmp/sbx-test-XXXXXX";
	char folders[4][400];
	int listener = -1, client = -1;

	CHECK(mkdtemp(path) != NULL);
	for (int i = 0; i < 4; i++) {
		memcpy(folders[i], path, sizeof(path));
		(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%060d", i);
		CHECK_EQ(mkdir(path, 0700), 0);
	}
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/s");
	CHECK_EQ(fd_listen_unix(path, &listener), 0);
	CHECK_EQ(fd_connect_unix(path, &client), 0);
	CHECK(is_cloexec(client));
	(void)close(client);
	(void)close(listener);
	/* a socket that nobody serves any more is replaced */
	CHECK_EQ(fd_listen_unix(path, &listener), 0);
	(void)close(listener);
	CHECK_EQ(fd_connect_unix(path, &client), -ECONNREFUSED);
	CHECK_EQ(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	CHECK_EQ(rmdir(path), 0);
	for (int i = 3; i >= 0; i--)
		CHECK_EQ(rmdir(folders[i]), 0);
}

/* In a child, whose standard descriptors are its own: bit n of its status, whether descriptor n is
 * right. */
static int hold_closed(void)
{
	char byte;
	int fd;

	(void)close(STDIN_FILENO);
	(void)close(STDERR_FILENO);
	fd_hold_standard();
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return (read(STDIN_FILENO, &byte, 1) == 0 ? 1 : 0) |
	       (write(STDERR_FILENO, "x", 1) < 0 && errno == EBADF ? 4 : 0) |
	       (fd > STDERR_FILENO ? 8 : 0);
}

TEST(closed_standard_descriptors_are_held)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(hold_closed());
	CHECK(child > 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 1 | 4 | 8);
}

TEST_MAIN()
