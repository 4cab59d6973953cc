/*
 * What the keeper does while a VM runs: wait for a process to end, for sessions
 * to come and go, for a wish of somebody else, or for the sandbox to be idle.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbxd/guest.h"
#include "sbxd/ports.h"
#include "sbxd/run.h"
#include "sbxd/sandbox.h"
#include "sbxd/supervisor.h"
#include "sbxd/words.h"
#include "wire/vsock.h"

enum {
	WATCH_MS = 5000,
	CHUNK = 4096,
	LAST_DATAGRAMS = 64,
	LAST_CHUNKS = TAIL_SIZE / CHUNK,
	CULPRIT_MS = 300,
	SAVE_AGAIN_MS = 1000,
	EVENT_BYTES = VSOCK_EVENT_SIZE
};

/* The places in the poll set. */
enum watched {
	WATCHED_WAKE = RUN_ROLES, /* the first ones are the processes */
	WATCHED_EVENTS,
	WATCHED_BUSY,
	WATCHED_CONSOLE,
	WATCHED_MESSAGES,
	WATCHED_NET,
	WATCHED_PROXY,
	WATCHED_COUNT,
};

static_assert(sizeof(((struct run *)0)->event) == EVENT_BYTES, "an event fits");

static void close_watched(int *fd)
{
	(void)close(take_fd(fd));
}

static void take_event(struct sandbox *sandbox, struct run *run)
{
	enum vsock_event event;
	uint32_t value;

	if (vsock_event_decode(run->event, &event, &value) < 0)
		return;
	switch (event) {
	case VSOCK_EVENT_READY:
		run->is_ready = true;
		return;
	case VSOCK_EVENT_SESSIONS:
		(void)pthread_mutex_lock(&sandbox->lock);
		sandbox->sessions = value;
		sandbox->record.last_used_at = time(NULL);
		(void)pthread_cond_broadcast(&sandbox->changed);
		(void)pthread_mutex_unlock(&sandbox->lock);
		return;
	}
}

static void read_events(struct sandbox *sandbox, struct run *run)
{
	ssize_t n = recv(run->events_fd, run->event + run->event_len, EVENT_BYTES - run->event_len,
			 MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close_watched(&run->events_fd); /* sbx-vsock ends; its pidfd tells */
		return;
	}
	if (n < 0)
		return;
	run->event_len += (unsigned)n;
	if (run->event_len == EVENT_BYTES) {
		run->event_len = 0;
		take_event(sandbox, run);
	}
}

static void set_busy(struct sandbox *sandbox, unsigned busy)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->busy = busy;
	(void)pthread_cond_broadcast(&sandbox->changed);
	(void)pthread_mutex_unlock(&sandbox->lock);
}

static void close_busy(struct run *run)
{
	stream_finish(&run->busy);
	close_watched(&run->busy_fd);
}

static void read_busy(struct sandbox *sandbox, struct run *run)
{
	int filled = stream_fill(&run->busy), r;
	struct frame frame;

	while ((r = stream_next(&run->busy, &frame)) == 1) {
		struct guest_message message;

		if (guest_message_decode(&frame, &message) < 0) {
			r = -EPROTO;
			break;
		}
		if (message.type == GUEST_BUSY)
			set_busy(sandbox, message.count);
		guest_message_finish(&message);
	}
	if (r < 0 || filled == 0 || (filled < 0 && filled != -EAGAIN))
		close_busy(run);
}

static void read_tail(struct tail *tail, int *fd)
{
	char chunk[CHUNK];
	ssize_t n = recv(*fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n > 0)
		tail_append(tail, chunk, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_watched(fd);
}

static void read_console(struct sandbox *sandbox, struct run *run)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	read_tail(&sandbox->console, &run->console_fd);
	(void)pthread_mutex_unlock(&sandbox->lock);
}

/* How the process ended, when it was our child; else only that it did. It may be asked again. */
static void describe_end(int pidfd, char *ret, size_t size)
{
	siginfo_t info = { .si_pid = 0 };

	(void)snprintf(ret, size, "ended");
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid == 0)
		return;
	if (info.si_code == CLD_EXITED)
		(void)snprintf(ret, size, "ended with status %d", info.si_status);
	else
		(void)snprintf(ret, size, "was ended by signal %d (%s)", info.si_status,
			       sigabbrev_np(info.si_status));
}

/* What was last heard of the programs; datagrams may wait still. */
static void gather_words(struct run *run, const char *blamed, char *ret, size_t size)
{
	autofree char *text = NULL;
	size_t len;

	for (int i = 0; i < LAST_DATAGRAMS && run->messages_fd >= 0; i++)
		read_tail(&run->messages, &run->messages_fd);
	ret[0] = '\0';
	text = tail_copy(&run->messages, TAIL_SIZE, &len);
	if (text != NULL)
		words_pick(text, blamed, ret, size);
}

/* Whether it was ended, or says itself that it failed; who is not our child cannot tell. */
static bool has_failed(const struct run *run, enum run_role role)
{
	siginfo_t info = { .si_pid = 0 };

	return run->pidfds[role] >= 0 &&
	       waitid(P_PIDFD, (id_t)run->pidfds[role], &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0 && (info.si_code != CLD_EXITED || info.si_status != 0);
}

/*
 * Backends end in peace when the engine does, and an engine fails when a backend does. Any
 * of them may be seen to end first: who is to blame? Only a backend that ended in peace, or
 * is not our child, is worth a wait for the engine.
 */
static enum run_role find_culprit(const struct run *run, enum run_role role)
{
	struct pollfd engine = { .fd = run->pidfds[RUN_ENGINE], .events = POLLIN };
	bool has_engine;

	if (role != RUN_ENGINE && has_failed(run, role))
		return role;
	has_engine = poll(&engine, 1, CULPRIT_MS) <= 0;
	for (enum run_role other = RUN_BLK; other < RUN_ENGINE; other++)
		if (has_failed(run, other))
			return other;
	return has_engine ? role : RUN_ENGINE;
}

void run_console_reason(struct sandbox *sandbox, char *ret, size_t size)
{
	autofree char *text = NULL;
	size_t len = 0;

	(void)pthread_mutex_lock(&sandbox->lock);
	text = tail_copy(&sandbox->console, TAIL_SIZE, &len);
	(void)pthread_mutex_unlock(&sandbox->lock);
	ret[0] = '\0';
	if (text != NULL)
		words_pick_console(text, ret, size);
}

/* A process is gone: says which, how, what was last heard, and of what the guest died. */
static int tell_end(struct sandbox *sandbox, struct run *run, enum run_role role, struct err *err)
{
	char how[64], words[400], reason[300];

	role = find_culprit(run, role);
	describe_end(run->pidfds[role], how, sizeof(how));
	gather_words(run, run_role_name(role, &sandbox->record), words, sizeof(words));
	for (int i = 0; i < LAST_CHUNKS && run->console_fd >= 0; i++)
		read_console(sandbox, run);
	run_console_reason(sandbox, reason, sizeof(reason));
	return err_set(err, -ESRCH, "%s %s%s%s%s%s", run_role_name(role, &sandbox->record), how,
		       words[0] != '\0' ? "; last message: " : "", words,
		       reason[0] != '\0' ? "; the guest said: " : "", reason);
}

/* Who does not take what it is told has ended, or ends since another one did: that one is named. */
static int tell_deaf(struct sandbox *sandbox, struct run *run, int r, struct err *err)
{
	struct pollfd set[RUN_ROLES];

	for (size_t i = 0; i < RUN_ROLES; i++)
		set[i] = (struct pollfd){ .fd = run->pidfds[i], .events = POLLIN };
	if (poll(set, RUN_ROLES, CULPRIT_MS) <= 0)
		return r;
	for (int role = RUN_ENGINE; role >= 0; role--)
		if (set[role].revents != 0)
			return tell_end(sandbox, run, (enum run_role)role, err);
	return r;
}

/* sbx-blk keeps nothing that a disk does not: when it fails, another one takes its place. */
static bool goes_on_without(struct sandbox *sandbox, struct run *run, enum run_role role)
{
	struct err err = ERR_INIT;
	char how[64];

	if (role != RUN_BLK || find_culprit(run, role) != role)
		return false;
	describe_end(run->pidfds[role], how, sizeof(how));
	if (run_restart_blk(sandbox, run, &err) < 0) {
		log_warning("sandbox '%s': sbx-blk %s and is not replaced: %s",
			    sandbox->record.name, how, err.text);
		return false;
	}
	log_warning("sandbox '%s': sbx-blk %s and was replaced", sandbox->record.name, how);
	return true;
}

static void fill(const struct sandbox *sandbox, const struct run *run,
		 struct pollfd set[WATCHED_COUNT])
{
	const int fds[] = {
		[WATCHED_WAKE] = sandbox->wake_fd,	[WATCHED_EVENTS] = run->events_fd,
		[WATCHED_BUSY] = run->busy_fd,		[WATCHED_CONSOLE] = run->console_fd,
		[WATCHED_MESSAGES] = run->messages_fd,	[WATCHED_NET] = run->network.net.fd,
		[WATCHED_PROXY] = run->network.proxy.fd
	};

	for (size_t i = 0; i < WATCHED_COUNT; i++)
		set[i] = (struct pollfd){ .fd = i < RUN_ROLES ? run->pidfds[i] : fds[i],
					  .events = POLLIN };
}

int run_step(struct sandbox *sandbox, struct run *run, uint64_t deadline_ms, struct err *err)
{
	struct pollfd set[WATCHED_COUNT];
	eventfd_t ignored;
	int r = network_update(sandbox, &run->network, err);

	if (r < 0)
		return tell_deaf(sandbox, run, r, err);
	fill(sandbox, run, set);
	if (poll(set, WATCHED_COUNT, clock_left_ms(deadline_ms)) <= 0)
		return 0;
	if (set[WATCHED_WAKE].revents != 0)
		(void)eventfd_read(sandbox->wake_fd, &ignored);
	if (set[WATCHED_MESSAGES].revents != 0)
		read_tail(&run->messages, &run->messages_fd);
	if (set[WATCHED_CONSOLE].revents != 0)
		read_console(sandbox, run);
	if (set[WATCHED_EVENTS].revents != 0)
		read_events(sandbox, run);
	if (set[WATCHED_BUSY].revents != 0)
		read_busy(sandbox, run);
	if (set[WATCHED_NET].revents != 0)
		network_take_net(sandbox, &run->network);
	if (set[WATCHED_PROXY].revents != 0)
		network_take_proxy(sandbox, &run->network);
	/* The engine last in the set is the first to blame: the others end when it does. */
	for (int role = RUN_ENGINE; role >= 0; role--)
		if (set[role].revents != 0)
			return goes_on_without(sandbox, run, (enum run_role)role)
				       ? 0
				       : tell_end(sandbox, run, (enum run_role)role, err);
	return 0;
}

/* Who serves a published port has something to do while connections are open. Lock held. */
static unsigned published_in_use(const struct sandbox *sandbox)
{
	return sandbox->record.ports.count > 0 && sandbox->flows > 0;
}

/*
 * Writes down what could not be, once a second: a daemon that starts anew would end what its record
 * calls half started. Returns when to try again.
 */
static uint64_t save_again(struct sandbox *sandbox, struct run *run, uint64_t now_ms)
{
	struct err told_before = ERR_INIT;

	if (now_ms < run->save_again_ms)
		return run->save_again_ms;
	run->save_again_ms = now_ms + SAVE_AGAIN_MS;
	return sandbox_save(sandbox, &told_before) < 0 ? run->save_again_ms : UINT64_MAX;
}

enum run_end run_watch(struct sandbox *sandbox, struct run *run, struct err *err)
{
	bool is_stale = true; /* what sbx-net knows of published ports */

	for (;;) {
		uint64_t now_ms = clock_now_ms(), deadline_ms;
		bool is_asked, is_unsaved;

		(void)pthread_mutex_lock(&sandbox->lock);
		is_unsaved = sandbox->is_unsaved;
		is_asked = sandbox->want_stop || sandbox->want_remove;
		is_stale |= sandbox->ports_stale;
		sandbox->ports_stale = false;
		idle_update(&run->idle, sandbox->sessions + published_in_use(sandbox),
			    sandbox->busy, sandbox->record.keep_alive, now_ms);
		(void)pthread_mutex_unlock(&sandbox->lock);
		if (is_asked)
			return RUN_ASKED;
		if (is_stale)
			ports_hand_over_sockets(sandbox->supervisor->ports, sandbox, &run->network);
		is_stale = false;
		ports_hand_over_connections(sandbox, &run->network);
		deadline_ms = idle_deadline(&run->idle);
		if (deadline_ms <= now_ms)
			return RUN_IDLE;
		if (is_unsaved)
			deadline_ms = min_of(deadline_ms, save_again(sandbox, run, now_ms));
		if (run_step(sandbox, run, min_of(deadline_ms, now_ms + 3600000), err) < 0)
			return RUN_DIED;
	}
}

int run_connect(struct sandbox *sandbox, struct run *run, struct err *err)
{
	int r = guest_events(sandbox->vsock_path, &run->events_fd, err);

	if (r == 0)
		r = network_connect(sandbox, &run->network, err);
	if (r == 0 && fd_connect_unix(sandbox->screen_path, &run->console_fd) < 0)
		run->console_fd = -1; /* no console, no reason to fail */
	return r;
}

void run_watch_busy(struct sandbox *sandbox, struct run *run)
{
	struct guest_message request = { .type = GUEST_WATCH };
	uint64_t deadline_ms = clock_now_ms() + WATCH_MS;
	struct err ignored = ERR_INIT;

	if (guest_connect(sandbox->vsock_path, false, deadline_ms, &run->busy_fd, &ignored) < 0)
		return;
	stream_init(&run->busy, run->busy_fd);
	if (guest_message_append(&run->busy.out, &request) < 0 ||
	    stream_write(&run->busy, deadline_ms) < 0)
		close_busy(run);
}
