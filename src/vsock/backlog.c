#include "vsock/backlog.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/iov.h"

void backlog_finish(struct backlog *backlog)
{
	free(backlog->data);
	*backlog = (struct backlog){ .data = NULL };
}

int backlog_put(struct backlog *backlog, struct iov *iov, size_t len)
{
	size_t end, first;
	int r;

	if (len > BACKLOG_SIZE - backlog->len)
		return -ENOBUFS;
	if (len == 0)
		return 0;
	if (backlog->data == NULL)
		backlog->data = malloc(BACKLOG_SIZE);
	if (backlog->data == NULL)
		return -ENOMEM;
	end = (backlog->start + backlog->len) % BACKLOG_SIZE;
	first = min_of(len, BACKLOG_SIZE - end);
	r = iov_read(iov, backlog->data + end, first);
	if (r == 0)
		r = iov_read(iov, backlog->data, len - first);
	if (r == 0)
		backlog->len += len;
	return r;
}

int backlog_pieces(const struct backlog *backlog, struct iovec ret[2])
{
	size_t first = min_of(backlog->len, BACKLOG_SIZE - backlog->start);

	if (backlog->len == 0)
		return 0;
	ret[0] = (struct iovec){ .iov_base = backlog->data + backlog->start, .iov_len = first };
	ret[1] = (struct iovec){ .iov_base = backlog->data, .iov_len = backlog->len - first };
	return ret[1].iov_len > 0 ? 2 : 1;
}

void backlog_drop(struct backlog *backlog, size_t len)
{
	backlog->start = (backlog->start + len) % BACKLOG_SIZE;
	backlog->len -= len;
	if (backlog->len == 0)
		backlog_finish(backlog);
}
