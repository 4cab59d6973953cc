/*
 * Pid 1 of the VM that test_vm.c starts: serves a few vsock ports, a process
 * for each connection, and knocks when it is up.
 */
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "tests/unit/sbx-vsock/vm_ports.h"

enum { BLOCK = 65536, LISTENERS = VM_PORT_LAST - VM_PORT_FIRST + 1 };

static char block[BLOCK];

/* Sends back what comes, then ends its direction too. */
static void echo(int fd)
{
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0) {
		for (ssize_t done = 0, m; done < n; done += m) {
			m = write(fd, block + done, (size_t)(n - done));
			if (m < 0)
				return;
		}
	}
	(void)shutdown(fd, SHUT_WR);
}

/* Counts what comes, says how much it was. */
static void sink(int fd)
{
	uint64_t sum = 0;
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		sum += (uint64_t)n;
	(void)write(fd, &sum, sizeof(sum));
}

/* Sends as many bytes as it is told to. */
static void source(int fd)
{
	uint64_t left = 0;

	if (read(fd, &left, sizeof(left)) != (ssize_t)sizeof(left))
		return;
	while (left > 0) {
		ssize_t n = write(fd, block, left < sizeof(block) ? (size_t)left : sizeof(block));

		if (n < 0)
			return;
		left -= (uint64_t)n;
	}
}

static void serve(int listener, uint32_t port)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return;
	/* The short exchange without fork: what is measured is the channel. */
	if (port == VM_PORT_BYTE) {
		if (read(fd, block, 1) == 1)
			(void)write(fd, block, 1);
	} else if (fork() == 0) {
		if (port == VM_PORT_ECHO)
			echo(fd);
		else if (port == VM_PORT_SINK)
			sink(fd);
		else
			source(fd);
		_exit(0);
	}
	(void)close(fd);
}

static int listen_on(uint32_t port)
{
	const struct sockaddr_vm address = { .svm_family = AF_VSOCK,
					     .svm_cid = VMADDR_CID_ANY,
					     .svm_port = port };
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	return fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
			       listen(fd, 64) == 0
		       ? fd
		       : -1;
}

/* A process for each port, so that none waits for another. */
int main(void)
{
	const struct sockaddr_vm host = { .svm_family = AF_VSOCK,
					  .svm_cid = VMADDR_CID_HOST,
					  .svm_port = 1 };
	int fd;

	(void)signal(SIGCHLD, SIG_IGN);
	for (uint32_t port = VM_PORT_FIRST; port <= VM_PORT_LAST; port++) {
		int listener = listen_on(port);

		if (fork() == 0) {
			for (;;)
				serve(listener, port);
		}
		(void)close(listener);
	}
	fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	(void)connect(fd, (const struct sockaddr *)&host, sizeof(host));
	for (;;)
		(void)pause();
}
