#include "sbx/guestrun.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx/client.h"
#include "sbx/sandbox.h"
#include "sbx/session.h"
#include "wire/guest.h"

enum { COMPLAINT_MAX = 4096 };

/* What a file in memory holds from its start, as much as fits. */
static int read_back(int fd, struct buf *ret)
{
	off_t size = lseek(fd, 0, SEEK_END);
	size_t len = size < 0 ? 0 : min_of((size_t)size, ret->max - ret->len);
	void *room = len > 0 ? buf_reserve(ret, len) : NULL;
	ssize_t n;

	if (room == NULL)
		return len > 0 ? -ENOMEM : 0;
	n = pread(fd, room, len, 0);
	if (n < 0)
		return -errno;
	ret->len += (size_t)n;
	return 0;
}

/* The last line that is not empty. */
static void take_complaint(int fd, struct err *err)
{
	autocall(buf_finish) struct buf text;
	const char *line;

	buf_init(&text, COMPLAINT_MAX);
	if (read_back(fd, &text) < 0)
		return;
	while (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len == 0 || buf_str(&text) == NULL)
		return;
	line = strrchr((const char *)text.data, '\n');
	(void)err_set(err, -EIO, "%s", line != NULL ? line + 1 : (const char *)text.data);
}

int guestrun(struct client *client, const struct guestrun *what, struct buf *ret, struct err *err)
{
	struct guest_message request = {
		.type = GUEST_EXEC,
		.args = (char **)(uintptr_t)what->command,
		.cwd = (char *)(uintptr_t) "/",
		.flags = what->as_root ? GUEST_FLAG_PRIVILEGED : 0,
	};
	autoclose int socket = -1, out = memfd_create("output", MFD_CLOEXEC),
		      complaints = memfd_create("complaints", MFD_CLOEXEC);
	struct session_config session = {
		.request = &request, .in = -1, .out = out, .err = complaints, .terminal = -1
	};
	int status = 0, r;

	if (out < 0 || complaints < 0)
		return err_set_errno(err, -errno, "cannot make a file in memory");
	while (what->command[request.args_count] != NULL)
		request.args_count++;
	r = client_attach(client, sandbox_text(what->sandbox, "name"), &socket, err);
	if (r < 0)
		return r;
	session.socket = socket;
	r = session_run(&session, &status, err);
	if (r == 0 && status != 0)
		take_complaint(complaints, err);
	if (r == 0 && ret != NULL && read_back(out, ret) < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r < 0 ? r : status;
}
