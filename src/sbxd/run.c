#include "sbxd/run.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sbxd/record.h"

struct run *run_create(void)
{
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		return NULL;
	for (int i = 0; i < RUN_ROLES; i++)
		run->pidfds[i] = -1;
	run->events_fd = run->busy_fd = run->console_fd = -1;
	run->messages_fd = run->messages_far = -1;
	network_init(&run->network);
	return run;
}

static void close_if_open(int *fd)
{
	if (*fd >= 0)
		(void)close(take_fd(fd));
}

void run_destroy(struct run *run)
{
	if (run == NULL)
		return;
	for (int i = 0; i < RUN_ROLES; i++)
		close_if_open(&run->pidfds[i]);
	if (run->busy_fd >= 0)
		stream_finish(&run->busy);
	close_if_open(&run->busy_fd);
	close_if_open(&run->events_fd);
	close_if_open(&run->console_fd);
	close_if_open(&run->messages_fd);
	close_if_open(&run->messages_far);
	network_finish(&run->network);
	tail_clear(&run->messages);
	free(run);
}

const char *run_role_name(enum run_role role, const struct record *record)
{
	switch (role) {
	case RUN_BLK:
		return "sbx-blk";
	case RUN_FS:
		return "sbx-fs";
	case RUN_VSOCK:
		return "sbx-vsock";
	case RUN_NET:
		return "sbx-net";
	case RUN_PROXY:
		return "sbx-proxy";
	case RUN_ENGINE:
	case RUN_ROLES:
		break;
	}
	return record->engine;
}
