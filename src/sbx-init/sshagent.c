#include "sbx-init/sshagent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "net/link.h"

enum { CONNECTIONS_MAX = 32, CHUNK = 4096 };

static int dial(int *ret)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(LINK_SSH_AGENT_PORT) };
	autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, LINK_GATEWAY4, &address.sin_addr);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = take_fd(&fd);
	return 0;
}

/* Questions and answers take turns, so a write that waits holds nothing else up. */
static bool carry(int from, int to)
{
	uint8_t chunk[CHUNK];
	ssize_t n = read(from, chunk, sizeof(chunk));

	return n > 0 && fd_write_full(to, chunk, (size_t)n) == 0;
}

static _Noreturn void relay(int client)
{
	int gateway = -1;
	struct pollfd set[] = { { .fd = client, .events = POLLIN },
				{ .fd = -1, .events = POLLIN } };

	if (dial(&gateway) < 0)
		_exit(EXIT_FAILURE);
	set[1].fd = gateway;
	for (;;) {
		if (poll(set, 2, -1) < 0 || (set[0].revents != 0 && !carry(client, gateway)) ||
		    (set[1].revents != 0 && !carry(gateway, client)))
			_exit(EXIT_SUCCESS);
	}
}

static _Noreturn void serve(int listener)
{
	unsigned count = 0;

	(void)prctl(PR_SET_NAME, "ssh-agent", 0, 0, 0);
	for (;;) {
		autoclose int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid;

		while (count > 0 && waitpid(-1, NULL, count < CONNECTIONS_MAX ? WNOHANG : 0) > 0)
			count--;
		if (client < 0 && errno != EINTR && errno != ECONNABORTED)
			_exit(EXIT_FAILURE);
		if (client < 0)
			continue;
		pid = fork();
		if (pid == 0)
			relay(client);
		count += pid > 0;
	}
}

int sshagent_start(const char *path, uid_t uid, gid_t gid, struct err *err)
{
	autoclose int listener = -1;
	int r = fd_listen_unix(path, &listener);
	pid_t pid;

	if (r == 0 && (chown(path, uid, gid) < 0 || chmod(path, 0600) < 0))
		r = -errno;
	if (r < 0)
		return err_set_errno(err, r, "cannot listen at '%s'", path);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		serve(listener);
	}
	return pid < 0 ? err_set_errno(err, -errno, "cannot serve '%s'", path) : 0;
}
