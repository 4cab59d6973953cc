#include "sbx-init/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/process.h"
#include "sbx-init/kept.h"
#include "wire/guest.h"

enum { TRIES_MAX = 1000, COMMAND_LINE_MAX = 4096 };

struct keep {
	int root;	  /* folder of all execs; owned */
	int dir;	  /* folder of this one, locked; owned */
	int output;	  /* segment being written; owned */
	unsigned segment; /* its number */
	size_t written;	  /* bytes in it */
	uint64_t started_ns;
	char name[KEEP_NAME_MAX + 1];
	char line[COMMAND_LINE_MAX];
};

/* The arguments joined by blanks, cut when too long: for reading, not for running. */
static void join_args(const struct guest_message *request, char *to, size_t size)
{
	size_t len = 0;

	to[0] = '\0';
	for (size_t i = 0; i < request->args_count && len < size - 1; i++) {
		int n = snprintf(to + len, size - len, "%s%s", i > 0 ? " " : "", request->args[i]);

		if (n < 0)
			return;
		len += (size_t)n;
	}
}

static int write_item(const struct keep *keep, const struct guest_message *exit)
{
	char name[KEEP_NAME_MAX + 1], line[COMMAND_LINE_MAX];
	struct guest_message item = {
		.type = GUEST_ITEM, .name = name, .text = line, .started_ns = keep->started_ns
	};
	autocall(buf_finish) struct buf buf = { 0 };
	int r;

	memcpy(name, keep->name, sizeof(name));
	memcpy(line, keep->line, sizeof(line));
	if (exit != NULL) {
		item.has_status = exit->has_status;
		item.status = exit->status;
		item.signal = exit->signal;
	}
	buf_init(&buf, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	r = guest_message_append(&buf, &item);
	return r < 0 ? r : file_write(keep->dir, "item", buf.data, buf.len, 0600);
}

static int open_segment(struct keep *keep)
{
	char name[32];
	int fd;

	(void)snprintf(name, sizeof(name), "output.%u", keep->segment);
	fd = openat(keep->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	cleanup_close(&keep->output);
	keep->output = fd;
	keep->written = 0;
	return 0;
}

/* Makes and locks the folder under the first free number, or the name asked for. */
static int make_folder(struct keep *keep, const char *wanted)
{
	unsigned number = wanted == NULL ? kept_next_number(keep->root) : 0;

	for (int i = 0; i < TRIES_MAX; i++) {
		if (wanted != NULL)
			(void)snprintf(keep->name, sizeof(keep->name), "%s", wanted);
		else
			(void)snprintf(keep->name, sizeof(keep->name), "%u", number++);
		if (mkdirat(keep->root, keep->name, 0700) == 0)
			break;
		if (errno != EEXIST || wanted != NULL)
			return -errno;
	}
	keep->dir = openat(keep->root, keep->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (keep->dir < 0)
		return -errno;
	return flock(keep->dir, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static int fill_folder(struct keep *keep, const char *folder, const struct guest_message *request)
{
	int r = file_make_folders(folder, 0700);

	if (r < 0)
		return r;
	keep->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (keep->root < 0)
		return -errno;
	kept_prune(keep->root, KEEP_EXECS_MAX - 1);
	r = make_folder(keep, request->name);
	if (r < 0)
		return r;
	keep->started_ns = clock_realtime_ns();
	join_args(request, keep->line, sizeof(keep->line));
	r = write_item(keep, NULL);
	return r < 0 ? r : open_segment(keep);
}

int keep_create(const char *folder, const struct guest_message *request, struct err *err,
		struct keep **ret)
{
	struct keep *keep;
	int r;

	if (request->name != NULL && !kept_is_name(request->name))
		return err_set(err, -EINVAL, "'%.64s' cannot name a detached command",
			       request->name);
	keep = calloc(1, sizeof(*keep));
	if (keep == NULL)
		return err_set_errno(err, -ENOMEM, "cannot keep the output");
	keep->root = keep->dir = keep->output = -1;
	r = fill_folder(keep, folder, request);
	if (r < 0) {
		keep_destroy(keep);
		return err_set_errno(err, r, "cannot keep the output of a detached command");
	}
	*ret = keep;
	return 0;
}

void keep_destroy(struct keep *keep)
{
	if (keep == NULL)
		return;
	/* The lock goes first: the end of writing then tells followers that it is gone. */
	cleanup_close(&keep->dir);
	cleanup_close(&keep->output);
	cleanup_close(&keep->root);
	free(keep);
}

const char *keep_name(const struct keep *keep)
{
	return keep->name;
}

int keep_started(struct keep *keep, pid_t pid, struct err *err)
{
	struct process_id id;
	char text[64];
	int r = process_identify(pid, &id);

	/* A command that ended already has nothing left to kill. */
	if (r == -ESRCH)
		return 0;
	(void)snprintf(text, sizeof(text), "%d %llu", (int)id.pid,
		       (unsigned long long)id.start_ticks);
	if (r == 0)
		r = file_write(keep->dir, "process", text, strlen(text), 0600);
	return r < 0 ? err_set_errno(err, r, "cannot keep the id of the process") : 0;
}

static void next_segment(struct keep *keep)
{
	char name[32];

	keep->segment++;
	if (open_segment(keep) < 0) {
		keep->segment--;
		return;
	}
	if (keep->segment < 2)
		return;
	(void)snprintf(name, sizeof(name), "output.%u", keep->segment - 2);
	(void)unlinkat(keep->dir, name, 0);
}

void keep_output(struct keep *keep, uint16_t type, const uint8_t *bytes, size_t len)
{
	autocall(buf_finish) struct buf frame = { 0 };

	if (keep->written >= KEEP_SEGMENT_MAX)
		next_segment(keep);
	buf_init(&frame, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	if (keep->written >= KEEP_SEGMENT_MAX || frame_append(&frame, type, bytes, len) < 0)
		return;
	/* Half a frame would end every reading of the segment: take it back. */
	if (fd_write_full(keep->output, frame.data, frame.len) < 0)
		(void)ftruncate(keep->output, (off_t)keep->written);
	else
		keep->written += frame.len;
}

void keep_end(struct keep *keep, const struct guest_message *exit)
{
	(void)write_item(keep, exit);
	(void)unlinkat(keep->dir, "process", 0);
}

void keep_forget(struct keep *keep)
{
	(void)file_remove_tree(keep->root, keep->name);
}
