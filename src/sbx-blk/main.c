/*
 * sbx-blk [--weak] rw|ro…: serves the disks of one sandbox over vhost-user.
 *
 * Disk i has its vhost-user socket as descriptor 3+2i and its image as 4+2i; the
 * words tell how each may be used. The guest sees them as vda, vdb, …. SIGHUP:
 * look whether images have grown. The program ends when a frontend closes.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/err.h"
#include "base/loop.h"
#include "block/crew.h"
#include "jail/jail.h"
#include "sbx-blk/bounds.h"
#include "sbx-blk/device.h"
#include "seccomp_blk.h"

enum {
	THREADS = 5, /* all but one may wait for the host's disk at once */
};

struct options {
	bool weak;
	size_t count;
	bool read_only[BLK_DISKS_MAX];
};

struct server {
	struct loop *loop;
	struct crew *crew;
	struct device *device[BLK_DISKS_MAX];
	size_t count;
	struct loop_watch hangup; /* SIGHUP as a descriptor */
};

static int parse_options(char **words, struct options *ret, struct err *err)
{
	*ret = (struct options){ .count = 0 };
	if (*words != NULL && strcmp(*words, "--weak") == 0) {
		ret->weak = true;
		words++;
	}
	for (; *words != NULL; words++) {
		bool read_only = strcmp(*words, "ro") == 0;

		if (!read_only && strcmp(*words, "rw") != 0)
			return err_set(err, -EINVAL, "'%s' is neither rw nor ro", *words);
		if (ret->count == BLK_DISKS_MAX)
			return err_set(err, -EINVAL, "more than %d disks", BLK_DISKS_MAX);
		ret->read_only[ret->count++] = read_only;
	}
	return ret->count > 0 ? 0 : err_set(err, -EINVAL, "no disk was given");
}

static int enter_jail(const struct options *options, struct err *err)
{
	const struct jail_config config = {
		.name = "sbx-blk",
		.keep_fds = BLK_FDS_KEPT((int)options->count),
		.filter = seccomp_blk,
		.filter_len = countof(seccomp_blk),
		.max_files = BLK_FILES_MAX(options->count),
		.weak = options->weak,
	};
	unsigned skipped = 0;
	int r = jail_enter(&config, &skipped, err);

	if (r == 0 && skipped != 0)
		log_warning("the jail is weak: steps 0x%x were skipped", skipped);
	return r;
}

static void hung_up(struct loop_watch *watch, uint32_t events)
{
	struct server *server = container_of(watch, struct server, hangup);
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) < 0)
		return;
	for (size_t i = 0; i < server->count; i++)
		device_grow(server->device[i]);
}

/* Before any thread is: threads inherit what is blocked. */
static int watch_hangup(struct server *server, struct err *err)
{
	sigset_t set;
	int fd, r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	r = sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r == 0)
		r = fd < 0 ? -errno : loop_add(server->loop, &server->hangup, fd, EPOLLIN, hung_up);
	return r < 0 ? err_set_errno(err, r, "SIGHUP cannot be waited for") : 0;
}

static int start(struct server *server, const struct options *options, struct err *err)
{
	int r = loop_create(&server->loop);

	if (r < 0)
		return err_set_errno(err, r, "no event loop");
	r = watch_hangup(server, err);
	if (r < 0)
		return r;
	r = crew_create(server->loop, THREADS, &server->crew);
	if (r < 0)
		return err_set_errno(err, r, "no threads");
	for (; server->count < options->count; server->count++) {
		int first = BLK_FDS_KEPT((int)server->count);
		char id[] = { 'v', 'd', (char)('a' + (int)server->count), '\0' };
		const struct device_config config = {
			.loop = server->loop,
			.crew = server->crew,
			.socket = first,
			.image = first + 1,
			.read_only = options->read_only[server->count],
			.id = id,
		};

		r = device_create(&config, &server->device[server->count], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void finish(struct server *server)
{
	for (size_t i = 0; i < server->count; i++)
		device_destroy(server->device[i]);
	crew_destroy(server->crew);
	loop_destroy(server->loop);
}

int main(int argc, char **argv)
{
	const struct log_config log = { .program = "sbx-blk", .fd = 2, .level = LOG_LEVEL_INFO };
	struct server server = { .count = 0 };
	struct options options;
	struct err err = ERR_INIT;
	int r;

	log_open(&log);
	r = parse_options(argv + (argc > 0), &options, &err);
	if (r == 0)
		r = enter_jail(&options, &err);
	if (r == 0)
		r = start(&server, &options, &err);
	if (r == 0) {
		r = crew_run(server.crew);
		if (r < 0)
			(void)err_set_errno(&err, r, "cannot go on");
	}
	if (r < 0)
		log_error("%s", err.text);
	finish(&server);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
