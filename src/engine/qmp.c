#include "engine/qmp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"

int qmp_judge(const char *line, size_t len)
{
	/* QEMU writes each object on one line and the telling member first. */
	static const struct {
		const char *start;
		int verdict;
	} known[] = {
		{ "{\"QMP\"", 0 },
		{ "{\"timestamp\"", 0 },
		{ "{\"return\"", 1 },
		{ "{\"error\"", -EREMOTEIO },
	};

	for (size_t i = 0; i < countof(known); i++)
		if (len >= strlen(known[i].start) &&
		    memcmp(line, known[i].start, strlen(known[i].start)) == 0)
			return known[i].verdict;
	return -EPROTO;
}

/* Waits for more bytes of the monitor. */
static int receive(int fd, struct buf *buf, uint64_t deadline_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	ssize_t n;
	void *to;

	if (poll(&poll_fd, 1, clock_left_ms(deadline_ms)) <= 0)
		return -ETIMEDOUT;
	to = buf_reserve(buf, 4096);
	if (to == NULL)
		return -ENOBUFS;
	n = read(fd, to, 4096);
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	buf->len += (size_t)n;
	return 0;
}

/* Reads lines until one is an answer. */
static int await_answer(int fd, struct buf *buf, uint64_t deadline_ms)
{
	for (;;) {
		const uint8_t *end = buf->len == 0 ? NULL : memchr(buf->data, '\n', buf->len);
		int r;

		if (end == NULL) {
			r = receive(fd, buf, deadline_ms);
			if (r < 0)
				return r;
			continue;
		}
		r = qmp_judge((const char *)buf->data, (size_t)(end - buf->data));
		if (r < 0)
			return r;
		buf_consume(buf, (size_t)(end - buf->data) + 1);
		if (r == 1)
			return 0;
	}
}

static int ask(int fd, struct buf *buf, const char *command, uint64_t deadline_ms)
{
	int r = fd_write_full(fd, command, strlen(command));

	if (r == 0)
		r = fd_write_full(fd, "\n", 1);
	if (r == 0)
		r = await_answer(fd, buf, deadline_ms);
	return r;
}

int qmp_call(const char *path, const char *command, uint64_t deadline_ms, struct err *err)
{
	autoclose int fd = -1;
	struct buf buf;
	int r;

	buf_init(&buf, QMP_ANSWER_MAX);
	r = fd_connect_unix(path, &fd);
	if (r == 0)
		r = ask(fd, &buf, "{\"execute\":\"qmp_capabilities\"}", deadline_ms);
	if (r == 0)
		r = ask(fd, &buf, command, deadline_ms);
	buf_finish(&buf);
	return r < 0 ? err_set_errno(err, r, "QEMU does not answer on its monitor") : 0;
}
