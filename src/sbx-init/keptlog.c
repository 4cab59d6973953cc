/*
 * Following: an inotify watch on the folder tells of every write to a segment,
 * of new segments, and of the keeper closing its segment as it ends, however it
 * ends (it gives up the lock before). The state is read after the watch was set, so
 * that nothing is missed in between.
 */
#include "sbx-init/keptlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "sbx-init/session.h"
#include "wire/guest.h"

static const char dropped[] = "sbx: earlier output was dropped to keep the newest\n";

struct reading {
	struct session *session; /* weak */
	int dir;		 /* weak */
	int segment;		 /* being read; owned, -1 before the first */
	unsigned number;	 /* of that segment */
	struct buf rest;	 /* the begin of a frame whose end is not there yet */
};

/* The smallest number of a segment that is at least `from`; -ENOENT. */
static int find_segment(int dir, unsigned from, unsigned *ret)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	uint64_t number, best = UINT64_MAX;
	struct dirent *entry;

	if (folder == NULL) {
		cleanup_close(&fd);
		return -ENOENT;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "output.", 7) == 0 &&
		    parse_u64(entry->d_name + 7, UINT32_MAX, &number) == 0 && number >= from &&
		    number < best)
			best = number;
	}
	(void)closedir(folder);
	if (best == UINT64_MAX)
		return -ENOENT;
	*ret = (unsigned)best;
	return 0;
}

/* Goes on to the next segment there is; 1, 0 when there is none. */
static int next_segment(struct reading *reading)
{
	unsigned from = reading->segment < 0 ? 0 : reading->number + 1, number;
	char name[32];
	int fd, r;

	/* A segment that goes away between finding and opening was dropped: take the next. */
	do {
		if (find_segment(reading->dir, from, &number) < 0)
			return 0;
		(void)snprintf(name, sizeof(name), "output.%u", number);
		fd = openat(reading->dir, name, O_RDONLY | O_CLOEXEC);
	} while (fd < 0 && errno == ENOENT);
	if (fd < 0)
		return -errno;
	cleanup_close(&reading->segment);
	reading->segment = fd;
	reading->number = number;
	buf_clear(&reading->rest);
	if (number == from)
		return 1;
	r = session_send_data(reading->session, GUEST_DATA_ERR, dropped, sizeof(dropped) - 1);
	return r < 0 ? r : 1;
}

static int send_frames(struct reading *reading)
{
	struct frame frame;
	int n;

	while (reading->rest.len > 0 &&
	       (n = frame_parse(reading->rest.data, reading->rest.len, &frame)) != 0) {
		int r = n < 0 ? n : 0;

		if (r == 0 && (frame.type == GUEST_DATA || frame.type == GUEST_DATA_ERR))
			r = session_send_data(reading->session, frame.type, frame.payload,
					      frame.len);
		if (r < 0)
			return r;
		buf_consume(&reading->rest, (size_t)n);
	}
	return 0;
}

/* Sends what the segment has; 0 at its present end. */
static int send_segment(struct reading *reading)
{
	for (;;) {
		uint8_t *to = buf_reserve(&reading->rest, FRAME_PAYLOAD_MAX);
		ssize_t n;
		int r;

		if (to == NULL)
			return -ENOMEM;
		n = read(reading->segment, to, FRAME_PAYLOAD_MAX);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		reading->rest.len += (size_t)n;
		r = send_frames(reading);
		if (r < 0)
			return r;
	}
}

/* Sends everything there is. A segment is complete once there is a next one. */
static int send_all(struct reading *reading)
{
	int r = 1;

	while (r == 1) {
		if (reading->segment >= 0) {
			unsigned next;
			bool complete = find_segment(reading->dir, reading->number + 1, &next) == 0;

			r = send_segment(reading);
			if (r < 0 || !complete)
				return r;
		}
		r = next_segment(reading);
	}
	return r;
}

static bool has_keeper(int dir)
{
	char path[32];
	autoclose int again = -1;

	/* A lock belongs to an open file, so ask with one of our own. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	again = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return again >= 0 && flock(again, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int watch_folder(int dir, int *ret)
{
	char path[32];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	*ret = fd;
	return 0;
}

/* Waits for a change; -EPIPE when the host has gone. */
static int wait_change(const struct reading *reading, int notify)
{
	char events[sizeof(struct inotify_event) + NAME_MAX + 1];
	struct pollfd fds[] = { { .fd = notify, .events = POLLIN },
				{ .fd = reading->session->stream.fd, .events = POLLRDHUP } };

	if (poll(fds, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents != 0)
		return -EPIPE;
	while (read(notify, events, sizeof(events)) > 0)
		;
	return 0;
}

static int follow_all(struct reading *reading)
{
	autoclose int notify = -1;
	int r = watch_folder(reading->dir, &notify);

	while (r == 0) {
		bool running = has_keeper(reading->dir);

		r = send_all(reading);
		if (r < 0 || !running)
			return r;
		r = wait_change(reading, notify);
	}
	return r;
}

int keptlog_send(struct session *session, int dir, bool follow)
{
	struct reading reading = { .session = session, .dir = dir, .segment = -1 };
	int r;

	buf_init(&reading.rest, 2 * (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX));
	r = follow ? follow_all(&reading) : send_all(&reading);
	cleanup_close(&reading.segment);
	buf_finish(&reading.rest);
	return r;
}
