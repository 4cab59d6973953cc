#include "sbx-init/kept.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/process.h"
#include "sbx-init/keep.h"
#include "sbx-init/keptlog.h"
#include "sbx-init/machine.h"
#include "sbx-init/session.h"
#include "wire/guest.h"

enum { KILLED_WITH_MACHINE = SIGKILL };

bool kept_is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > KEEP_NAME_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && strchr(".-_", name[i]) == NULL)
			return false;
	}
	return true;
}

/* Calls visit with each name; a name that vanishes meanwhile is the visitor's business. */
static int each_name(int root, void (*visit)(int root, const char *name, void *context),
		     void *context)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (folder == NULL) {
		int r = -errno;

		cleanup_close(&fd);
		return r;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (kept_is_name(entry->d_name))
			visit(root, entry->d_name, context);
	}
	(void)closedir(folder);
	return 0;
}

static void raise_number(int root, const char *name, void *context)
{
	unsigned *next = context;
	uint64_t number;

	(void)root;
	if (parse_u64(name, 1000000000, &number) == 0 && number >= *next)
		*next = (unsigned)number + 1;
}

unsigned kept_next_number(int root)
{
	unsigned next = 1;

	(void)each_name(root, raise_number, &next);
	return next;
}

static bool is_running(int root, const char *name)
{
	autoclose int dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir >= 0 && flock(dir, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* The item as it is now: an end is always there unless it runs. */
static int read_item(int root, const char *name, struct guest_message *ret)
{
	autocall(buf_finish) struct buf buf = { 0 };
	char path[KEEP_NAME_MAX + 8];
	struct frame frame;
	/* Asked before reading: an item without an end of a keeper that has gone is final. */
	bool running = is_running(root, name);
	int r;

	buf_init(&buf, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	(void)snprintf(path, sizeof(path), "%s/item", name);
	r = file_read(root, path, &buf);
	if (r < 0)
		return r;
	r = buf.len == 0 ? -EPROTO : frame_parse(buf.data, buf.len, &frame);
	if (r <= 0)
		return -EPROTO;
	r = guest_message_decode(&frame, ret);
	if (r < 0)
		return r;
	if (!running && !ret->has_status && ret->signal == 0)
		ret->signal = KILLED_WITH_MACHINE;
	return 0;
}

/* The one with the smallest or largest start, of the ended or of all. */
struct choice {
	bool newest;
	bool ended_only;
	unsigned count; /* of all */
	uint64_t started_ns;
	char name[KEEP_NAME_MAX + 1]; /* "" when there is none */
};

static void choose(int root, const char *name, void *context)
{
	struct choice *choice = context;
	autocall(guest_message_finish) struct guest_message item = { 0 };
	bool ended, better;

	choice->count++;
	if (read_item(root, name, &item) < 0)
		return;
	ended = item.has_status || item.signal != 0;
	if (choice->ended_only && !ended)
		return;
	better = choice->newest ? item.started_ns >= choice->started_ns
				: item.started_ns < choice->started_ns;
	if (choice->name[0] != '\0' && !better)
		return;
	choice->started_ns = item.started_ns;
	(void)snprintf(choice->name, sizeof(choice->name), "%s", name);
}

void kept_prune(int root, unsigned most)
{
	for (;;) {
		struct choice choice = { .ended_only = true };

		if (each_name(root, choose, &choice) < 0 || choice.count <= most ||
		    choice.name[0] == '\0')
			return;
		if (file_remove_tree(root, choice.name) < 0)
			return;
	}
}

/* Opens the folder of all execs; -ENOENT when there never was one. */
static int open_root(const struct session *session)
{
	int fd = open(session->places->keep, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_named(int root, const char *name, struct err *err)
{
	int fd = kept_is_name(name) ? openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 ? err_set(err, -ENOENT, "there is no detached command '%.64s'", name) : fd;
}

int kept_logs(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err)
{
	autocall(guest_message_finish) struct guest_message item = { 0 };
	struct choice newest = { .newest = true };
	struct guest_message last = { .type = GUEST_EOF };
	autoclose int root = open_root(session);
	autoclose int dir = -1;
	const char *name = request->name;
	bool follow = (request->flags & GUEST_FLAG_FOLLOW) != 0;
	int r;

	(void)answer;
	if (name == NULL && root >= 0) {
		(void)each_name(root, choose, &newest);
		name = newest.name;
	}
	if (name == NULL || name[0] == '\0')
		return err_set(err, -ENOENT, "no detached command has run in this sandbox");
	dir = open_named(root, name, err);
	if (dir < 0)
		return err->code;
	r = keptlog_send(session, dir, follow);
	if (r == 0 && read_item(root, name, &item) == 0 && (item.has_status || item.signal != 0)) {
		last = (struct guest_message){ .type = GUEST_EXIT,
					       .has_status = item.has_status,
					       .status = item.status,
					       .signal = item.signal };
	}
	if (r == 0)
		r = session_send(session, &last);
	return r < 0 ? err_set_errno(err, r, "cannot read the kept output") : SESSION_END;
}

/* Execs in the order of their start, each of them sent when all earlier ones are. */
struct listing {
	uint64_t after_ns; /* of the last one sent */
	char after[KEEP_NAME_MAX + 1];
	struct guest_message next; /* the earliest one after it; type 0 when there is none */
};

static int compare(uint64_t a_ns, const char *a, uint64_t b_ns, const char *b)
{
	if (a_ns != b_ns)
		return a_ns < b_ns ? -1 : 1;
	return strcmp(a, b);
}

static void find_next(int root, const char *name, void *context)
{
	struct listing *listing = context;
	struct guest_message item = { 0 };

	if (read_item(root, name, &item) < 0)
		return;
	if (item.name == NULL ||
	    compare(item.started_ns, item.name, listing->after_ns, listing->after) <= 0 ||
	    (listing->next.name != NULL &&
	     compare(item.started_ns, item.name, listing->next.started_ns, listing->next.name) >=
		     0)) {
		guest_message_finish(&item);
		return;
	}
	guest_message_finish(&listing->next);
	listing->next = item;
}

int kept_list(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err)
{
	const struct guest_message end = { .type = GUEST_EOF };
	autoclose int root = open_root(session);
	struct listing listing = { 0 };
	int r = 0;

	(void)request;
	(void)answer;
	while (root >= 0 && r == 0) {
		if (each_name(root, find_next, &listing) < 0 || listing.next.name == NULL)
			break;
		r = session_send(session, &listing.next);
		listing.after_ns = listing.next.started_ns;
		(void)snprintf(listing.after, sizeof(listing.after), "%s", listing.next.name);
		guest_message_finish(&listing.next);
	}
	if (r == 0)
		r = session_send(session, &end);
	return r < 0 ? err_set_errno(err, r, "cannot list the detached commands") : SESSION_END;
}

static int read_process(int dir, struct process_id *ret)
{
	autocall(buf_finish) struct buf buf = { 0 };
	unsigned long long start;
	const char *text;
	int r, pid;

	buf_init(&buf, 64);
	r = file_read(dir, "process", &buf);
	text = r < 0 ? NULL : buf_str(&buf);
	if (text == NULL || sscanf(text, "%d %llu", &pid, &start) != 2)
		return -ESRCH;
	*ret = (struct process_id){ .pid = pid, .start_ticks = start };
	return 0;
}

/*
 * The pidfd proves that it is that process; while it lives its group keeps its number. A command
 * that was only just begun may not lead its group yet: then it is alone.
 */
static int signal_group(const struct process_id *id, int pidfd, int signal)
{
	if (kill(-id->pid, signal) == 0)
		return 0;
	if (errno != ESRCH)
		return -errno;
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int kept_kill(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err)
{
	autoclose int root = open_root(session);
	autoclose int dir = -1, pidfd = -1;
	const char *name = request->name == NULL ? "" : request->name;
	struct process_id id;
	int r;

	(void)answer;
	if (request->signal == 0 || request->signal >= NSIG)
		return err_set(err, -EINVAL, "%u is not a signal", request->signal);
	dir = open_named(root, name, err);
	if (dir < 0)
		return err->code;
	r = read_process(dir, &id);
	if (r == 0)
		r = process_open(&id, &pidfd);
	if (r == 0)
		r = signal_group(&id, pidfd, (int)request->signal);
	return r < 0 ? err_set(err, r, "the detached command '%s' has ended", name) : 0;
}
