/*
 * sbxd: the supervisor. Arranges paths, lock, socket and server, then waits for
 * connections and for a signal to end. What happens to sandboxes is in keeper.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "app/log.h"
#include "audit/audit.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/parse.h"
#include "sbxd/adopt.h"
#include "sbxd/cgroup.h"
#include "sbxd/detach.h"
#include "sbxd/network.h"
#include "sbxd/policy_log.h"
#include "sbxd/policy_store.h"
#include "sbxd/ports.h"
#include "sbxd/rest.h"
#include "sbxd/secret_memory.h"
#include "sbxd/secret_store.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_store.h"
#include "sbxd/uplink.h"

enum { LOG_MAX_BYTES = 8 << 20, OTHER_MS = 10000 };

struct options {
	const char *app_name;
	const char *artefacts;
	const char *policy; /* preset of the first start; NULL: somebody chooses it later */
	bool detach;
};

/* What main() owns while the daemon runs. */
struct daemon {
	struct supervisor supervisor;
	struct rest *rest;
	struct loop *loop;
	struct loop_watch listener, signals, stop;
	int lock_fd, listen_fd, signal_fd, stop_fd, ready_fd;
};

static struct daemon *daemon_of(struct loop_watch *watch, size_t offset)
{
	return (struct daemon *)((char *)watch - offset);
}

static void accept_ready(struct loop_watch *watch, uint32_t events)
{
	struct daemon *daemon = daemon_of(watch, offsetof(struct daemon, listener));
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (rest_check_peer(fd) < 0) {
		log_warning("a connection of another user was refused");
		(void)close(fd);
		return;
	}
	if (rest_add(daemon->rest, fd) < 0)
		log_warning("too many connections");
}

static void signal_ready(struct loop_watch *watch, uint32_t events)
{
	struct daemon *daemon = daemon_of(watch, offsetof(struct daemon, signals));

	(void)events;
	log_info("ended by a signal; sandboxes go on");
	loop_stop(daemon->loop);
}

static void stop_ready(struct loop_watch *watch, uint32_t events)
{
	struct daemon *daemon = daemon_of(watch, offsetof(struct daemon, stop));

	(void)events;
	log_info("asked to end");
	loop_stop(daemon->loop);
}

/* The keepers push it when they come to it: the loop does not wait. */
static void uplink_changed(void *context)
{
	log_info("this host's addresses or resolvers changed");
	network_make_stale(context, NULL);
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option table[] = {
		{ "app-name", required_argument, NULL, 'n' },
		{ "artefacts", required_argument, NULL, 'a' },
		{ "detach", no_argument, NULL, 'd' },
		{ "policy", required_argument, NULL, 'p' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*ret = (struct options){ .app_name = getenv("SBX_APP_NAME") };
	if (ret->app_name != NULL && ret->app_name[0] == '\0')
		ret->app_name = NULL;
	while ((option = getopt_long(argc, argv, "d", table, NULL)) != -1) {
		if (option == 'n')
			ret->app_name = optarg;
		else if (option == 'a')
			ret->artefacts = optarg;
		else if (option == 'd')
			ret->detach = true;
		else if (option == 'p')
			ret->policy = optarg;
		else if (option == 'v') {
			(void)puts("sbxd " SBX_VERSION);
			exit(EXIT_SUCCESS);
		} else {
			return -EINVAL;
		}
	}
	return optind == argc ? 0 : -EINVAL;
}

/* One daemon for each state: -EWOULDBLOCK when there is another. */
static int take_lock(const struct paths *paths, int *ret_fd)
{
	autoclose int fd = open(paths->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* The lock says who has it, for who finds a daemon that cannot be reached. */
static void sign_lock(int lock_fd)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(lock_fd, 0) == 0)
		(void)pwrite(lock_fd, text, (size_t)len, 0);
}

/* 0: it does not say. */
static int lock_holder(const struct paths *paths)
{
	autoclose int fd = open(paths->lock, O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	uint64_t pid = 0;

	if (fd < 0 || fd_read_full(fd, text, sizeof(text) - 1) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, INT_MAX, &pid) == 0 ? (int)pid : 0;
}

static int fail_other(const struct paths *paths, struct err *err)
{
	int pid = lock_holder(paths);

	if (pid == 0)
		return err_set(err, -EWOULDBLOCK,
			       "a daemon runs already for '%s', and does not answer at '%s'",
			       paths->state, paths->socket);
	return err_set(err, -EWOULDBLOCK,
		       "a daemon (PID %d) runs already for '%s', and does not answer at '%s': end "
		       "it by 'kill %d', sandboxes go on; or was it started with another "
		       "XDG_RUNTIME_DIR?",
		       pid, paths->state, paths->socket, pid);
}

static int take_state(struct daemon *daemon, const struct options *options, struct err *err)
{
	const struct paths *paths = &daemon->supervisor.paths;
	uint64_t deadline_ms = clock_now_ms() + OTHER_MS;
	int r = take_lock(paths, &daemon->lock_fd);

	/* The other one answers soon, or it is about to end and lets go of the lock. */
	while (r == -EWOULDBLOCK && options->detach && detach_await_other(paths, deadline_ms))
		r = take_lock(paths, &daemon->lock_fd);
	if (r == -EWOULDBLOCK)
		return fail_other(paths, err);
	return r < 0 ? err_set_errno(err, r, "cannot lock '%s'", paths->lock) : 0;
}

/* Every sandbox takes a dozen descriptors, every client one. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* All threads inherit the mask, so the loop alone sees the signals that end us. */
static int open_signals(int *ret_fd)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -EINVAL;
	(void)signal(SIGPIPE, SIG_IGN);
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? -errno : 0;
}

static void open_log(const struct paths *paths, bool to_file)
{
	int fd = to_file ? open(paths->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
			 : STDERR_FILENO;

	log_open(&(struct log_config){ .program = "sbxd",
				       .fd = fd,
				       .path = to_file ? paths->log : NULL,
				       .max_bytes = to_file ? LOG_MAX_BYTES : 0,
				       .level = LOG_LEVEL_INFO });
}

/* In the background nothing but the log is left of the terminal. */
static void leave_terminal(struct daemon *daemon)
{
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (daemon->ready_fd < 0 || null < 0)
		return;
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	(void)dup2(null, STDERR_FILENO);
	(void)fd_write_full(daemon->ready_fd, "", 1);
	(void)close(take_fd(&daemon->ready_fd));
}

static unsigned access_changed(void *context, const char *sandbox)
{
	return network_changed(context, sandbox);
}

static void audit_secret(void *context, const char *sandbox, json_t *details)
{
	supervisor_audit(context, "secret", sandbox, details);
}

static int open_secrets(struct supervisor *supervisor, struct err *err)
{
	const struct secret_hooks hooks = { .context = supervisor,
					    .changed = access_changed,
					    .audit = audit_secret };
	const char *services = supervisor->artefacts.paths[ARTEFACT_SERVICES];
	autofree char *folder = path_join(supervisor->paths.state, "secrets");
	int r;

	if (folder == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (services == NULL)
		log_warning("no service files were found: only custom secrets can be used");
	r = secret_store_create(folder, services, &supervisor->secrets, err);
	if (r == 0)
		secret_store_set_hooks(supervisor->secrets, &hooks);
	return r;
}

/* What is kept of the network, and of what was done. */
static int open_policy(struct supervisor *supervisor, struct err *err)
{
	const char *state = supervisor->paths.state;
	const char *presets = supervisor->artefacts.paths[ARTEFACT_POLICIES];
	autofree char *audit = path_join(state, "audit");
	int r = audit == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;

	if (r == 0)
		r = audit_open(audit, &supervisor->audit, err);
	if (r == 0)
		r = policy_store_create(state, presets, &supervisor->policy, err);
	if (r == 0)
		r = policy_log_create(state, &supervisor->policy_log, err);
	if (r == 0)
		policy_store_set_hooks(
			supervisor->policy,
			&(struct policy_hooks){ .context = supervisor, .changed = access_changed });
	return r;
}

/* The preset of the command line is for the first start; later ones find one that was chosen. */
static int choose_policy(struct supervisor *supervisor, const char *preset, struct err *err)
{
	int r;

	if (preset == NULL || policy_store_is_initialized(supervisor->policy, NULL))
		return 0;
	r = policy_store_init(supervisor->policy, preset, err);
	if (r == 0)
		supervisor_audit(supervisor, "policy", NULL,
				 json_pack("{ss ss}", "change", "init", "preset", preset));
	return r;
}

static int open_supervisor(struct daemon *daemon, const struct options *options, struct err *err)
{
	struct supervisor *supervisor = &daemon->supervisor;
	int r;

	supervisor->started_at = time(NULL);
	supervisor->stop_fd = daemon->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	list_init(&supervisor->sandboxes);
	(void)pthread_mutex_init(&supervisor->creation, NULL);
	(void)pthread_mutex_init(&supervisor->lock, NULL);
	host_read(&supervisor->host);
	if (uplink_create(&supervisor->uplink) < 0 || ports_create(&supervisor->ports) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (daemon->stop_fd < 0 || artefacts_init(&supervisor->artefacts, options->artefacts) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	supervisor->templates.builtin = supervisor->artefacts.paths[ARTEFACT_TEMPLATES];
	r = template_store_open(supervisor->paths.state, &supervisor->store, err);
	if (r == 0)
		r = open_policy(supervisor, err);
	if (r == 0)
		r = choose_policy(supervisor, options->policy, err);
	if (r == 0)
		r = open_secrets(supervisor, err);
	if (r == 0)
		r = adopt_all(supervisor, err);
	if (r == 0)
		template_store_collect(supervisor->store, supervisor);
	return r;
}

static int open_server(struct daemon *daemon, struct err *err)
{
	const char *path = daemon->supervisor.paths.socket;
	int r = rest_create(&daemon->supervisor, &daemon->rest, err);

	if (r < 0)
		return r;
	r = fd_listen_unix(path, &daemon->listen_fd);
	if (r == 0)
		r = loop_create(&daemon->loop);
	if (r == 0)
		r = loop_add(daemon->loop, &daemon->listener, daemon->listen_fd, EPOLLIN,
			     accept_ready);
	if (r == 0)
		r = loop_add(daemon->loop, &daemon->signals, daemon->signal_fd, EPOLLIN,
			     signal_ready);
	if (r == 0)
		r = loop_add(daemon->loop, &daemon->stop, daemon->stop_fd, EPOLLIN, stop_ready);
	if (r == 0)
		r = uplink_watch(daemon->supervisor.uplink, daemon->loop, uplink_changed,
				 &daemon->supervisor);
	return r < 0 ? err_set_errno(err, r, "cannot listen at '%s'", path) : 0;
}

static int serve(struct daemon *daemon, const struct options *options, struct err *err)
{
	struct paths *paths = &daemon->supervisor.paths;
	int r = open_signals(&daemon->signal_fd);

	sign_lock(daemon->lock_fd);
	raise_limits();
	if (r < 0)
		return err_set_errno(err, r, "cannot take signals");
	open_log(paths, options->detach);
	r = cgroup_take(err);
	if (r < 0) /* in a container it may be there and read-only */
		log_warning("%s; sandboxes get none of their own", err->text);
	daemon->supervisor.cgroup = max_of(r, 0);
	r = open_supervisor(daemon, options, err);
	if (r == 0)
		r = open_server(daemon, err);
	if (r < 0)
		return r;
	log_info("listening at %s", paths->socket);
	leave_terminal(daemon);
	r = loop_run(daemon->loop);
	(void)unlink(paths->socket);
	return r < 0 ? err_set_errno(err, r, "the event loop failed") : 0;
}

int main(int argc, char **argv)
{
	static struct daemon daemon = {
		.lock_fd = -1, .listen_fd = -1, .signal_fd = -1, .stop_fd = -1, .ready_fd = -1
	};
	struct paths *paths = &daemon.supervisor.paths;
	struct err err = ERR_INIT;
	struct options options;
	int r;

	fd_hold_standard();
	secret_memory_init();
	if (parse_options(argc, argv, &options) < 0) {
		(void)fprintf(stderr,
			      "usage: sbxd [--detach] [--app-name ID] [--artefacts DIR] "
			      "[--policy PRESET]\n");
		return 2;
	}
	r = paths_init(paths, options.app_name, &err);
	if (r == 0)
		r = take_state(&daemon, &options, &err);
	if (r == 0 && options.detach)
		r = detach(paths, &daemon.ready_fd, &err);
	if (r == 0)
		r = serve(&daemon, &options, &err);
	if (r < 0)
		(void)fprintf(stderr, "sbxd: %s\n", err.text);
	/* Keepers and connections may be at work: what they do not finish the next daemon does. */
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
