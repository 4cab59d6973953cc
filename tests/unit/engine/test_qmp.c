#include "engine/qmp.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "tests/unit/test.h"

static int judge(const char *line)
{
	return qmp_judge(line, strlen(line));
}

TEST(lines_are_told_apart)
{
	CHECK_EQ(judge("{\"QMP\": {\"version\": {}}}"), 0);
	CHECK_EQ(judge("{\"timestamp\": {}, \"event\": \"STOP\"}"), 0);
	CHECK_EQ(judge("{\"return\": {}}"), 1);
	CHECK_EQ(judge("{\"error\": {\"class\": \"GenericError\"}}"), -EREMOTEIO);
	CHECK_EQ(judge("{}"), -EPROTO);
	CHECK_EQ(judge(""), -EPROTO);
	CHECK_EQ(judge("\"return\""), -EPROTO);
}

/* A monitor that says a script, whatever it is asked. */
struct monitor {
	int listen_fd;
	const char *script;
	char path[64];
	pthread_t thread;
};

static void *play(void *context)
{
	struct monitor *monitor = context;
	int fd = accept(monitor->listen_fd, NULL, NULL);
	char asked[512];

	/* Whoever was late has gone. */
	(void)send(fd, monitor->script, strlen(monitor->script), MSG_NOSIGNAL);
	while (read(fd, asked, sizeof(asked)) > 0)
		;
	(void)close(fd);
	return NULL;
}

static int call(const char *script, uint64_t timeout_ms)
{
	char folder[] = "/tmp/qmp-XXXXXX";
	struct monitor monitor = { .script = script };
	struct err err = ERR_INIT;
	int r;

	if (mkdtemp(folder) == NULL)
		return -errno;
	(void)snprintf(monitor.path, sizeof(monitor.path), "%s/s", folder);
	r = fd_listen_unix(monitor.path, &monitor.listen_fd);
	if (r < 0)
		return r;
	(void)pthread_create(&monitor.thread, NULL, play, &monitor);
	r = qmp_call(monitor.path, "{\"execute\":\"query-status\"}", clock_now_ms() + timeout_ms,
		     &err);
	(void)pthread_join(monitor.thread, NULL);
	(void)close(monitor.listen_fd);
	(void)unlink(monitor.path);
	(void)rmdir(folder);
	return r;
}

TEST(events_between_answers_are_passed_over)
{
	CHECK_EQ(call("{\"QMP\": {}}\r\n{\"return\": {}}\r\n{\"timestamp\": 1}\r\n"
		      "{\"return\": {\"running\": true}}\r\n",
		      10000),
		 0);
}

TEST(a_refusal_is_a_failure)
{
	CHECK_EQ(call("{\"QMP\": {}}\r\n{\"return\": {}}\r\n{\"error\": {}}\r\n", 10000),
		 -EREMOTEIO);
}

TEST(silence_ends_at_the_deadline)
{
	CHECK_EQ(call("{\"QMP\": {}}\r\n", 50), -ETIMEDOUT);
}

TEST(nonsense_is_refused)
{
	CHECK_EQ(call("SSH-2.0-OpenSSH\r\n", 10000), -EPROTO);
}

TEST(nobody_there)
{
	struct err err = ERR_INIT;

	CHECK(qmp_call("/nonexistent/s", "{}", clock_now_ms() + 1000, &err) < 0);
	CHECK(err.text[0] != '\0');
}

TEST_MAIN()
