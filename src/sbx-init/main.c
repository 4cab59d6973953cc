/*
 * sbx-init: pid 1 of a sandbox. Mounts the root, listens for the host, knocks to
 * say so, serves until the host ends the machine. docs/protocol/guest.md tells
 * what it understands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx-init/agent.h"
#include "sbx-init/disks.h"
#include "sbx-init/docker.h"
#include "sbx-init/fastdir.h"
#include "sbx-init/machine.h"
#include "sbx-init/network.h"
#include "sbx-init/root.h"
#include "sbx-init/setup.h"
#include "sbx-init/share.h"
#include "sbx-init/shutdown.h"
#include "sbx-init/sshagent.h"
#include "sbx-init/user.h"
#include "wire/guest.h"

enum {
	BACKLOG = 1024,		/* commands that begin at once */
	CONTAINERD_MS = 300000, /* far beyond what the slowest machine takes */
};

/* The writable disks, and all of the root, for those who get nothing but a message. */
static int disks[2] = { -1, -1 };
static struct root root;

static int trim(uint64_t *ret_bytes, struct err *err)
{
	return disks_trim(disks, countof(disks), ret_bytes, err);
}

static int grow(struct err *err)
{
	return disks_grow(disks, countof(disks), err);
}

static int open_layer(uint32_t number, struct err *err)
{
	int fd = -1;

	if (number == 0)
		fd = openat(root.disk, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else if (number <= root.layers_count)
		fd = fcntl(root.layers[number - 1], F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? err_set(err, -ENOENT, "there is no layer %u", number) : fd;
}

static const struct machine machine = {
	.setup = setup_apply,
	.mount = share_mount,
	.mount_fast = fastdir_mount,
	.unmount = share_unmount,
	.trim = trim,
	.grow = grow,
	.open_layer = open_layer,
};

static const struct places places = {
	.run = "/run/sbx",
	.keep = "/var/lib/sbx/exec",
	.passwd = "/etc/passwd",
	.group = "/etc/group",
};

static int listen_vsock(struct err *err, int *ret)
{
	const struct sockaddr_vm address = { .svm_family = AF_VSOCK,
					     .svm_cid = VMADDR_CID_ANY,
					     .svm_port = GUEST_PORT };
	autoclose int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return err_set_errno(err, -errno, "cannot listen for the host");
	*ret = take_fd(&fd);
	return 0;
}

/* The socket is the agent's alone; an image without that user has root there. */
static int serve_ssh_agent(struct err *err)
{
	struct err ignored = ERR_INIT;
	struct user user;

	if (!network_exists())
		return 0;
	if (user_find(&places, "agent", &ignored, &user) < 0)
		user.uid = user.gid = 0;
	return sshagent_start(SSHAGENT_SOCKET, user.uid, user.gid, err);
}

#define CONTAINERD_CONFIG "/etc/docker/containerd.toml"
#define CONTAINERD_SOCKET "/run/docker/containerd/containerd.sock"

/* An image without the file is an older one, where dockerd brings containerd along. */
static int serve_docker(struct err *err, int *ret_process)
{
	static char containerd[] = "/usr/bin/containerd", file[] = "--config=" CONTAINERD_CONFIG;
	static char address[] = "--address=" CONTAINERD_SOCKET;
	static char *const runtime[] = { containerd, file, address, NULL };
	static char dockerd[] = "/usr/sbin/dockerd", host[] = "--host=fd://";
	static char with[] = "--containerd=" CONTAINERD_SOCKET;
	static char *const alone[] = { dockerd, host, NULL }, *const args[] = { dockerd, host, with,
										NULL };
	bool is_pair = access(CONTAINERD_CONFIG, R_OK) == 0;
	struct docker_config config = { .socket = DOCKER_SOCKET,
					.engine = { .args = is_pair ? args : alone,
						    .runtime = is_pair ? runtime : NULL,
						    .runtime_ms = CONTAINERD_MS,
						    .cgroup = "/sys/fs/cgroup/docker-engine",
						    .log = "/var/log/dockerd.log",
						    .run = places.run } };
	struct err ignored = ERR_INIT;
	struct user user;

	if (user_find(&places, "root:docker", &ignored, &user) == 0)
		config.gid = user.gid;
	return docker_start(&config, err, ret_process);
}

/* Connecting is the message; the host sees it and closes. */
static int knock(struct err *err)
{
	const struct sockaddr_vm address = { .svm_family = AF_VSOCK,
					     .svm_cid = VMADDR_CID_HOST,
					     .svm_port = HOST_PORT_READY };
	autoclose int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	/* Refused is heard too. */
	return errno == ECONNRESET
		       ? 0
		       : err_set_errno(err, -errno, "cannot tell the host that the sandbox is up");
}

static int run(struct err *err, enum agent_end *ret)
{
	struct agent_config config = { .machine = &machine, .places = &places };
	int docker = -1;
	int r = root_enter(err, &root);

	if (r < 0)
		return r;
	disks[0] = root.disk;
	disks[1] = root.docker;
	r = setup_boot(err);
	if (r == 0)
		r = serve_ssh_agent(err);
	if (r == 0)
		r = serve_docker(err, &docker);
	if (r == 0)
		r = listen_vsock(err, &config.listener);
	if (r == 0)
		r = knock(err);
	if (r == 0)
		r = agent_run(&config, err, ret);
	docker_stop(docker);
	return r;
}

int main(void)
{
	struct err err = ERR_INIT;
	enum agent_end end = AGENT_SHUTDOWN;

	if (getpid() != 1) {
		(void)fprintf(stderr, "sbx-init: runs only as the first process of a sandbox\n");
		return EXIT_FAILURE;
	}
	if (run(&err, &end) < 0)
		(void)fprintf(stderr, "sbx-init: %s\n", err.text);
	shutdown_machine(disks, countof(disks), end == AGENT_REBOOT);
}
