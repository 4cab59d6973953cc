#include "sbx-init/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "sbx-init/control.h"
#include "sbx-init/machine.h"
#include "sbx-init/session.h"
#include "wire/guest.h"

struct watcher {
	struct loop_watch watch; /* of its end: it says nothing more */
	struct agent *agent;	 /* weak */
	int fd;			 /* owned; -1: a free place */
};

/* A child that serves the host. pid 0: a free place. */
struct child {
	pid_t pid;
	bool keeps; /* runs a detached exec */
};

struct agent {
	const struct agent_config *config; /* weak */
	struct loop *loop;
	struct loop_watch listener, signals, control;
	int signal_fd, control_read, control_write; /* owned */
	bool accepting;
	unsigned busy; /* children that keep */
	enum agent_end end;
	struct child children[AGENT_SESSIONS_MAX];
	struct watcher watchers[AGENT_WATCHERS_MAX];
};

static void drop_watcher(struct watcher *watcher)
{
	loop_remove(&watcher->watch);
	cleanup_close(&watcher->fd);
	watcher->fd = -1;
}

/* A watcher says nothing any more: whatever it does is its end. */
static void watcher_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	drop_watcher(container_of(watch, struct watcher, watch));
}

/* A watcher that does not take a few bytes is dropped; it will watch again and be told. */
static void tell_watcher(struct watcher *watcher, unsigned count)
{
	const struct guest_message message = { .type = GUEST_BUSY, .count = count };
	autocall(buf_finish) struct buf buf = { 0 };

	if (watcher->fd < 0)
		return;
	buf_init(&buf, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	if (guest_message_append(&buf, &message) < 0 ||
	    send(watcher->fd, buf.data, buf.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)buf.len)
		drop_watcher(watcher);
}

static void set_busy(struct agent *agent, unsigned count)
{
	agent->busy = count;
	for (size_t i = 0; i < AGENT_WATCHERS_MAX; i++)
		tell_watcher(&agent->watchers[i], count);
}

/* Takes fd over. */
static void add_watcher(struct agent *agent, int fd)
{
	struct watcher *watcher = agent->watchers;

	while (watcher < agent->watchers + AGENT_WATCHERS_MAX && watcher->fd >= 0)
		watcher++;
	if (watcher == agent->watchers + AGENT_WATCHERS_MAX ||
	    loop_add(agent->loop, &watcher->watch, fd, EPOLLIN | EPOLLRDHUP, watcher_ready) < 0) {
		(void)close(fd);
		return;
	}
	watcher->fd = fd;
	tell_watcher(watcher, agent->busy);
}

static struct child *find_child(struct agent *agent, pid_t pid)
{
	for (size_t i = 0; i < AGENT_SESSIONS_MAX; i++) {
		if (agent->children[i].pid == pid)
			return &agent->children[i];
	}
	return NULL;
}

/* Only vsock has a notion of who calls: nobody but the host may. */
static bool is_from_host(int fd)
{
	struct sockaddr_vm address;
	socklen_t len = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
		return false;
	return address.svm_family != AF_VSOCK || address.svm_cid == VMADDR_CID_HOST;
}

/* Forgets in a child what belongs to pid 1 alone. */
static void forget(struct agent *agent)
{
	(void)close(agent->config->listener);
	(void)close(agent->signal_fd);
	(void)close(agent->control_read);
	for (size_t i = 0; i < AGENT_WATCHERS_MAX; i++)
		cleanup_close(&agent->watchers[i].fd);
	loop_destroy(agent->loop);
}

static _Noreturn void serve(struct agent *agent, int fd)
{
	struct session session = { .control = agent->control_write,
				   .machine = agent->config->machine,
				   .places = agent->config->places };
	sigset_t none;

	forget(agent);
	(void)sigemptyset(&none);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	stream_init(&session.stream, fd);
	session_run(&session);
	_exit(EXIT_SUCCESS);
}

static void set_accepting(struct agent *agent, bool on)
{
	if (agent->accepting != on && loop_change(&agent->listener, on ? EPOLLIN : 0) == 0)
		agent->accepting = on;
}

static void listener_ready(struct loop_watch *watch, uint32_t events)
{
	struct agent *agent = container_of(watch, struct agent, listener);
	struct child *place = find_child(agent, 0);
	autoclose int fd = -1;
	pid_t pid;

	(void)events;
	if (place == NULL) {
		set_accepting(agent, false);
		return;
	}
	fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || !is_from_host(fd))
		return;
	pid = fork();
	if (pid == 0)
		serve(agent, fd);
	if (pid > 0)
		*place = (struct child){ .pid = pid };
}

/* Reaps our own children and every orphan of the machine. */
static void signals_ready(struct loop_watch *watch, uint32_t events)
{
	struct agent *agent = container_of(watch, struct agent, signals);
	struct signalfd_siginfo info;
	unsigned busy = agent->busy;
	pid_t pid;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		struct child *child = find_child(agent, pid);

		if (child == NULL)
			continue;
		busy -= child->keeps;
		*child = (struct child){ 0 };
	}
	if (busy != agent->busy)
		set_busy(agent, busy);
	set_accepting(agent, true);
}

static void count_keeper(struct agent *agent, pid_t pid)
{
	struct child *child = find_child(agent, pid);

	if (child == NULL || child->keeps)
		return;
	child->keeps = true;
	set_busy(agent, agent->busy + 1);
}

static void end(struct agent *agent, enum agent_end how)
{
	agent->end = how;
	loop_stop(agent->loop);
}

static void control_ready(struct loop_watch *watch, uint32_t events)
{
	struct agent *agent = container_of(watch, struct agent, control);
	struct control control;

	(void)events;
	while (control_receive(watch->fd, &control) == 1) {
		switch (control.type) {
		case CONTROL_KEEP:
			count_keeper(agent, control.pid);
			break;
		case CONTROL_WATCH:
			add_watcher(agent, control.fd);
			break;
		case CONTROL_SHUTDOWN:
			end(agent, AGENT_SHUTDOWN);
			return;
		case CONTROL_REBOOT:
			end(agent, AGENT_REBOOT);
			return;
		}
	}
}

static int open_signals(int *ret)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int start(struct agent *agent)
{
	int r = loop_create(&agent->loop);

	if (r == 0)
		r = open_signals(&agent->signal_fd);
	if (r == 0)
		r = control_pair(&agent->control_read, &agent->control_write);
	if (r == 0)
		r = loop_add(agent->loop, &agent->signals, agent->signal_fd, EPOLLIN,
			     signals_ready);
	if (r == 0)
		r = loop_add(agent->loop, &agent->control, agent->control_read, EPOLLIN,
			     control_ready);
	if (r == 0)
		r = loop_add(agent->loop, &agent->listener, agent->config->listener, EPOLLIN,
			     listener_ready);
	agent->accepting = r == 0;
	return r;
}

static void finish(struct agent *agent)
{
	for (size_t i = 0; i < AGENT_WATCHERS_MAX; i++)
		drop_watcher(&agent->watchers[i]);
	cleanup_close(&agent->signal_fd);
	cleanup_close(&agent->control_read);
	cleanup_close(&agent->control_write);
	loop_destroy(agent->loop);
}

int agent_run(const struct agent_config *config, struct err *err, enum agent_end *ret)
{
	struct agent agent = {
		.config = config, .signal_fd = -1, .control_read = -1, .control_write = -1
	};
	int r;

	for (size_t i = 0; i < AGENT_WATCHERS_MAX; i++)
		agent.watchers[i].fd = -1;
	r = start(&agent);
	if (r == 0)
		r = loop_run(agent.loop);
	finish(&agent);
	if (r < 0)
		return err_set_errno(err, r, "the agent cannot run");
	*ret = agent.end;
	return 0;
}
