/*
 * The writer. A thread of its own calls fdatasync() a moment after lines came,
 * once for all of them; who appends never waits for the disk.
 */
#include "audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/chain.h"
#include "audit/files.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"

enum { LINE_BYTES = AUDIT_LINE_MAX + 1, END_BYTES = 2 * LINE_BYTES, BATCH_NS = 200000000 };

struct audit {
	int folder, fd;	 /* owned */
	unsigned number; /* of the file at fd */
	uint64_t size, size_max;
	struct chain chain;
	pthread_mutex_t lock; /* all above */
	pthread_cond_t dirtied;
	pthread_t syncer;
	bool has_syncer, is_dirty, is_ending;
};

static int open_file(struct audit *audit, unsigned number)
{
	char name[FILES_NAME_SIZE];
	struct stat stat;
	autoclose int fd = -1;

	files_name(number, name);
	fd = openat(audit->folder, name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0 || fstat(fd, &stat) < 0)
		return -errno;
	if (audit->fd >= 0) {
		(void)fdatasync(audit->fd);
		(void)close(audit->fd);
	}
	audit->fd = take_fd(&fd);
	audit->number = number;
	audit->size = (uint64_t)stat.st_size;
	return 0;
}

/* The lock is held. A line is written whole or taken back, so the chain has no hole. */
static int append_locked(struct audit *audit, const char *event, const char *sandbox,
			 const json_t *details)
{
	autocall(buf_finish) struct buf line = { .data = NULL };
	struct chain chain;
	int r = 0;

	if (audit->size >= audit->size_max && audit->number < FILES_NUMBER_MAX)
		r = open_file(audit, audit->number + 1);
	if (r < 0)
		return r;
	chain = audit->chain;
	buf_init(&line, LINE_BYTES);
	r = chain_format(&chain, time(NULL), event, sandbox, details, &line);
	if (r == 0)
		r = fd_write_full(audit->fd, line.data, line.len);
	if (r < 0) {
		(void)ftruncate(audit->fd, (off_t)audit->size);
		return r;
	}
	audit->size += line.len;
	audit->chain = chain;
	audit->is_dirty = true;
	(void)pthread_cond_signal(&audit->dirtied);
	return 0;
}

int audit_append(struct audit *audit, const char *event, const char *sandbox, json_t *details,
		 struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&audit->lock);
	r = append_locked(audit, event, sandbox, details);
	(void)pthread_mutex_unlock(&audit->lock);
	json_decref(details);
	return r < 0 ? err_set_errno(err, r, "cannot write to the audit file") : 0;
}

static void *sync_lines(void *argument)
{
	static const struct timespec batch = { .tv_nsec = BATCH_NS };
	struct audit *audit = argument;

	(void)pthread_mutex_lock(&audit->lock);
	while (!audit->is_ending || audit->is_dirty) {
		int fd;

		if (!audit->is_dirty) {
			(void)pthread_cond_wait(&audit->dirtied, &audit->lock);
			continue;
		}
		audit->is_dirty = false;
		fd = fcntl(audit->fd, F_DUPFD_CLOEXEC, 0);
		(void)pthread_mutex_unlock(&audit->lock);
		if (fd >= 0) {
			(void)fdatasync(fd);
			(void)close(fd);
		}
		(void)nanosleep(&batch, NULL); /* what comes meanwhile is one batch */
		(void)pthread_mutex_lock(&audit->lock);
	}
	(void)pthread_mutex_unlock(&audit->lock);
	return NULL;
}

/* Moves what follows the last '\n' to a file of its own. */
static int move_aside(struct audit *audit, const char *tail, size_t len)
{
	char name[FILES_NAME_SIZE + 8];
	autoclose int fd = -1;
	int r;

	(void)snprintf(name, sizeof(name), "audit-%06u.cut", audit->number);
	fd = openat(audit->folder, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return -errno;
	r = fd_write_full(fd, tail, len);
	if (r < 0)
		return r;
	audit->size -= len;
	return ftruncate(audit->fd, (off_t)audit->size) < 0 ? -errno : 0;
}

/* The last bytes of the file, as many as a line and a cut one may take; how many, or -errno. */
static ssize_t read_end(const struct audit *audit, char ret[END_BYTES])
{
	size_t len = audit->size < END_BYTES ? (size_t)audit->size : END_BYTES;
	ssize_t n = pread(audit->fd, ret, len, (off_t)(audit->size - len));

	return n < 0 ? -errno : n;
}

/* Takes the chain up at the end of the newest file. *ret_note: what was found wrong, or NULL. */
static int resume(struct audit *audit, const char **ret_note)
{
	char text[END_BYTES];
	ssize_t len = read_end(audit, text);
	const char *newline, *line, *tail;
	int r = 0;

	if (len <= 0)
		return (int)len;
	newline = memrchr(text, '\n', (size_t)len);
	tail = newline == NULL ? text : newline + 1;
	if (tail < text + len) {
		*ret_note = "a line that was cut was moved to a file of its own";
		r = move_aside(audit, tail, (size_t)(text + len - tail));
	}
	if (r < 0 || newline == NULL)
		return r;
	line = memrchr(text, '\n', (size_t)(newline - text));
	line = line == NULL ? text : line + 1;
	if (chain_resume(&audit->chain, line, (size_t)(newline - line)) == 0)
		return 0;
	*ret_note = "the last line was not ours; a new chain begins";
	return open_file(audit, audit->number + 1);
}

static int open_chain(struct audit *audit, struct err *err)
{
	unsigned first = 0, last = 0;
	const char *note = NULL;
	int r = files_range(audit->folder, &first, &last);

	if (r == 0)
		r = open_file(audit, last == 0 ? 1 : last);
	if (r == 0)
		r = resume(audit, &note);
	if (r < 0)
		return err_set_errno(err, r, "cannot open the audit file");
	return note == NULL
		       ? 0
		       : audit_append(audit, "audit", NULL, json_pack("{ss}", "note", note), err);
}

int audit_open(const char *folder, struct audit **ret, struct err *err)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	int r;

	if (audit == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	audit->fd = audit->folder = -1;
	audit->size_max = AUDIT_FILE_MAX;
	chain_init(&audit->chain);
	(void)pthread_mutex_init(&audit->lock, NULL);
	(void)pthread_cond_init(&audit->dirtied, NULL);
	r = file_make_folders(folder, 0700);
	if (r == 0)
		audit->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && audit->folder < 0)
		r = -errno;
	r = r < 0 ? err_set_errno(err, r, "cannot open '%s'", folder) : open_chain(audit, err);
	if (r == 0 && pthread_create(&audit->syncer, NULL, sync_lines, audit) != 0)
		r = err_set(err, -EAGAIN, "cannot start a thread for the audit file");
	audit->has_syncer = r == 0;
	if (r < 0)
		audit_close(audit);
	else
		*ret = audit;
	return r;
}

void audit_close(struct audit *audit)
{
	if (audit == NULL)
		return;
	(void)pthread_mutex_lock(&audit->lock);
	audit->is_ending = true;
	(void)pthread_cond_signal(&audit->dirtied);
	(void)pthread_mutex_unlock(&audit->lock);
	if (audit->has_syncer)
		(void)pthread_join(audit->syncer, NULL);
	if (audit->fd >= 0)
		(void)close(audit->fd);
	if (audit->folder >= 0)
		(void)close(audit->folder);
	(void)pthread_cond_destroy(&audit->dirtied);
	(void)pthread_mutex_destroy(&audit->lock);
	free(audit);
}

void audit_set_file_max(struct audit *audit, uint64_t bytes)
{
	audit->size_max = bytes;
}
