/*
 * sbx-net [--weak]: the whole network of one sandbox. Descriptor 3 is its
 * vhost-user socket, connected or one that listens for the only frontend, 4 the listening socket
 * for sbxd, 5 the line to sbx-proxy (wire/net.h). It keeps the host's network namespace and has no
 * other thing of the host. It ends when the frontend closes, that is with the VM.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/err.h"
#include "jail/jail.h"
#include "net/stack.h"
#include "sbx-net/bounds.h"
#include "sbx-net/network.h"
#include "seccomp_net.h"

enum {
	FD_VHOST = 3,
	FD_CONTROL = 4,
	FD_PROXY = 5,
	LOG_BYTES = 1 << 20,
	FRONTEND_S = 60,
};

static int parse_options(char **words, bool *ret_weak, struct err *err)
{
	*ret_weak = *words != NULL && strcmp(*words, "--weak") == 0;
	words += *ret_weak;
	return *words == NULL ? 0 : err_set(err, -EINVAL, "'%s' is no option", *words);
}

/* Descriptors for flows, after those for all else; where the host grants few, fewer flows. */
static unsigned count_flows(void)
{
	struct rlimit files = { .rlim_max = 1024 };
	rlim_t all;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	all = min_of(files.rlim_max, (rlim_t)NET_FILES_MAX);
	return (unsigned)(all - min_of(all / 2, (rlim_t)NET_FDS_BESIDE));
}

static int enter_jail(bool weak, struct err *err)
{
	const struct jail_config config = {
		.name = "sbx-net",
		.keep_fds = NET_FDS_KEPT,
		.filter = seccomp_net,
		.filter_len = countof(seccomp_net),
		.max_files = NET_FILES_MAX,
		.network = true,
		.weak = weak,
	};
	unsigned skipped = 0;
	int r = jail_enter(&config, &skipped, err);

	if (r == 0 && skipped != 0)
		log_warning("the jail is weak: steps 0x%x were skipped", skipped);
	return r;
}

static bool is_listening(int fd)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

/*
 * QEMU takes a network only over a socket that it opened by a path. Whoever
 * started both may die before it does, so this waits for seconds, not for ever.
 */
static int await_frontend(int *vhost, struct err *err)
{
	const struct timeval patience = { .tv_sec = FRONTEND_S };
	int fd;

	if (!is_listening(*vhost))
		return 0;
	if (setsockopt(*vhost, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return err_set_errno(err, -errno, "cannot wait at descriptor %d", *vhost);
	do
		fd = accept4(*vhost, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return err_set_errno(err, -errno, "no frontend comes to descriptor %d", *vhost);
	(void)close(*vhost);
	*vhost = fd;
	return 0;
}

int main(int argc, char **argv)
{
	const struct log_config log = {
		.program = "sbx-net", .fd = 2, .max_bytes = LOG_BYTES, .level = LOG_LEVEL_INFO
	};
	struct network_config config = { .vhost = FD_VHOST,
					 .control = FD_CONTROL,
					 .proxy = FD_PROXY,
					 .max_flows = count_flows() };
	static struct network network;
	struct err err = ERR_INIT;
	bool weak;
	int r;

	log_open(&log);
	r = parse_options(argv + (argc > 0), &weak, &err);
	if (r == 0)
		r = enter_jail(weak, &err);
	if (r == 0)
		r = await_frontend(&config.vhost, &err);
	if (r == 0)
		r = network_init(&network, &config, &err);
	if (r == 0)
		r = loop_run(network.loop);
	if (r < 0)
		log_error("%s", err.text);
	network_finish(&network);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
