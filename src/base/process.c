#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/parse.h"

enum { STAT_FIELD_STATE = 3, STAT_FIELD_START = 22 };

/*
 * proc(5): "pid (comm) state …", where comm may hold anything, so the fields
 * are counted from the last ')'.
 */
static int parse_stat(char *text, char *ret_state, uint64_t *ret_start)
{
	char *cursor = strrchr(text, ')');
	char *field = NULL;

	if (cursor == NULL)
		return -EINVAL;
	for (int number = STAT_FIELD_STATE - 1; number < STAT_FIELD_START; number++) {
		cursor = strchr(cursor, ' ');
		if (cursor == NULL)
			return -EINVAL;
		*cursor++ = '\0';
		field = cursor;
		if (number + 1 == STAT_FIELD_STATE)
			*ret_state = *field;
	}
	cursor = strchr(cursor, ' ');
	if (cursor == NULL)
		return -EINVAL;
	*cursor = '\0';
	return parse_u64(field, UINT64_MAX, ret_start);
}

int process_identify(pid_t pid, struct process_id *ret)
{
	char path[64], text[4096];
	autoclose int fd = -1;
	uint64_t start;
	char state = 0;
	ssize_t n;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = fd_read_full(fd, text, sizeof(text) - 1);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	r = parse_stat(text, &state, &start);
	if (r < 0)
		return r;
	if (state == 'Z' || state == 'X')
		return -ESRCH;
	*ret = (struct process_id){ .pid = pid, .start_ticks = start };
	return 0;
}

int process_open(const struct process_id *id, int *ret_pidfd)
{
	struct process_id now;
	autoclose int fd = (int)syscall(SYS_pidfd_open, id->pid, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = process_identify(id->pid, &now);
	if (r < 0)
		return r;
	if (now.start_ticks != id->start_ticks)
		return -ESRCH;
	*ret_pidfd = take_fd(&fd);
	return 0;
}
