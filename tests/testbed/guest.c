#include "tests/testbed/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"

static int prepare(struct guest *guest, struct err *err)
{
	int r;

	*guest = (struct guest){ .folder = "/tmp/guest-XXXXXX",
				 .listen = -1,
				 .console = -1,
				 .child = { .pidfd = -1, .gate = -1 } };
	if (mkdtemp(guest->folder) == NULL)
		return err_set_errno(err, -errno, "no folder");
	(void)snprintf(guest->control, sizeof(guest->control), "%s/control", guest->folder);
	(void)snprintf(guest->console_path, sizeof(guest->console_path), "%s/console",
		       guest->folder);
	r = fd_listen_unix(guest->console_path, &guest->listen);
	if (r == 0)
		r = fd_connect_unix(guest->console_path, &guest->console);
	return r < 0 ? err_set_errno(err, r, "no socket for the console") : 0;
}

static int run(struct guest *guest, struct engine_config *config, struct err *err)
{
	int r;

	config->control_path = guest->control;
	config->console_fd = guest->listen;
	config->messages_fd = STDERR_FILENO;
	r = engine_kvm.start(config, &guest->child, err);
	if (r == 0)
		r = jail_spawn_release(&guest->child, err);
	guest->vm =
		(struct engine_vm){ .process = guest->child.id, .control_path = guest->control };
	return r < 0 ? r : engine_kvm.wait(&guest->vm, clock_now_ms() + GUEST_PATIENCE_MS, err);
}

int guest_start(struct guest *guest, struct engine_config *config, struct err *err)
{
	int r = prepare(guest, err);

	if (r == 0)
		r = run(guest, config, err);
	if (r < 0)
		guest_finish(guest);
	return r;
}

int guest_follow(struct guest *guest, const char *line)
{
	struct pollfd wait = { .fd = guest->console, .events = POLLIN };

	for (;;) {
		const char *found = line == NULL ? NULL : strstr(guest->text + guest->seen, line);
		char *to = guest->text + guest->len;
		ssize_t n;

		if (found != NULL) {
			guest->seen = (size_t)(found - guest->text) + strlen(line);
			return 0;
		}
		if (guest->len == GUEST_CONSOLE_MAX - 1)
			return -EMSGSIZE;
		if (poll(&wait, 1, GUEST_PATIENCE_MS) <= 0)
			return -ETIMEDOUT;
		n = read(guest->console, to, GUEST_CONSOLE_MAX - 1 - guest->len);
		if (n <= 0)
			return -EPIPE;
		(void)fd_write_full(STDOUT_FILENO, to, (size_t)n);
		guest->len += (size_t)n;
	}
}

void guest_finish(struct guest *guest)
{
	struct err ignored = ERR_INIT;

	if (guest->vm.control_path != NULL)
		(void)engine_kvm.kill(&guest->vm, &ignored);
	spawned_finish(&guest->child);
	if (guest->console >= 0)
		(void)close(guest->console);
	if (guest->listen >= 0)
		(void)close(guest->listen);
	(void)file_remove_tree(AT_FDCWD, guest->folder);
}
