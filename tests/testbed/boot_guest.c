/*
 * testbed-boot VMM KERNEL INITRAMFS MIB CPUS CMDLINE [LINE]: a guest without
 * disks under the kvm engine. Its console goes to stdout until it ends; or,
 * with LINE, until it prints that, whereupon the guest goes on until our stdin
 * ends. Times and exits are told on stderr. Exits 0 when the guest ended by
 * itself without a panic, or LINE came.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "engine/engine.h"
#include "wire/vmm.h"

enum { PATIENCE_MS = 300000, CONSOLE_MAX = 1 << 20 };

struct guest {
	char folder[32], control[64], console_path[64];
	int listen, console;
	struct spawned child;
	struct engine_vm vm;
	char text[CONSOLE_MAX]; /* what the console said */
	size_t len;
};

static int fail(const struct err *err)
{
	(void)fprintf(stderr, "boot: %s\n", err->text);
	return EXIT_FAILURE;
}

static int prepare(struct guest *guest, struct err *err)
{
	int r;

	*guest = (struct guest){ .folder = "/tmp/boot-XXXXXX" };
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

static int start(struct guest *guest, char **argv, struct err *err)
{
	const struct engine_config config = {
		.vmm = argv[1],
		.kernel = argv[2],
		.initramfs = argv[3],
		.memory_bytes = strtoull(argv[4], NULL, 10) << 20,
		.cpus = (unsigned)strtoul(argv[5], NULL, 10),
		.cmdline = argv[6],
		.control_path = guest->control,
		.console_fd = guest->listen,
		.messages_fd = STDERR_FILENO,
		.fs_fd = -1,
		.vsock_fd = -1,
	};
	int r = engine_kvm.start(&config, &guest->child, err);

	if (r == 0)
		r = jail_spawn_release(&guest->child, err);
	guest->vm =
		(struct engine_vm){ .process = guest->child.id, .control_path = guest->control };
	return r < 0 ? r : engine_kvm.wait(&guest->vm, clock_now_ms() + PATIENCE_MS, err);
}

/* Whether the console said line; -EPIPE: it ended before, -ETIMEDOUT. */
static int follow(struct guest *guest, const char *line)
{
	struct pollfd wait = { .fd = guest->console, .events = POLLIN };

	while (guest->len < CONSOLE_MAX - 1) {
		char *to = guest->text + guest->len;
		ssize_t n;

		if (poll(&wait, 1, PATIENCE_MS) <= 0)
			return -ETIMEDOUT;
		n = read(guest->console, to, CONSOLE_MAX - 1 - guest->len);
		if (n <= 0)
			return -EPIPE;
		(void)fd_write_full(STDOUT_FILENO, to, (size_t)n);
		guest->len += (size_t)n;
		if (line != NULL && strstr(guest->text, line) != NULL)
			return 0;
	}
	return -EMSGSIZE;
}

/* Asks sbx-vmm before it is gone: the answer to "has it ended" comes with the counters. */
static int ask_end(struct guest *guest, int *ret_fd)
{
	const struct vmm_ask_message message = { .ask = VMM_ASK_END };
	uint8_t bytes[VMM_ASK_SIZE];
	int r = fd_connect_unix(guest->control, ret_fd);

	vmm_ask_encode(&message, bytes);
	return r < 0 ? r : fd_write_full(*ret_fd, bytes, sizeof(bytes));
}

static int tell_end(int control)
{
	uint8_t bytes[VMM_ANSWER_SIZE];
	struct vmm_answer answer;

	if (fd_read_full(control, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes) ||
	    vmm_answer_decode(bytes, &answer) < 0) {
		(void)fprintf(stderr, "boot: sbx-vmm does not tell how it ended\n");
		return EXIT_FAILURE;
	}
	(void)fprintf(stderr, "boot: exits mmio=%llu port=%llu other=%llu\n",
		      (unsigned long long)answer.exits_mmio, (unsigned long long)answer.exits_pio,
		      (unsigned long long)answer.exits_other);
	if (answer.state == VMM_RESET)
		return EXIT_SUCCESS;
	(void)fprintf(stderr, "boot: %s\n", answer.text);
	return EXIT_FAILURE;
}

static int run(struct guest *guest, const char *line)
{
	autoclose int control = -1;
	char byte;

	if (ask_end(guest, &control) < 0)
		return EXIT_FAILURE;
	if (follow(guest, line) < 0 && line != NULL) {
		(void)fprintf(stderr, "boot: the console never said '%s'\n", line);
		return EXIT_FAILURE;
	}
	if (line == NULL)
		return tell_end(control);
	(void)!read(STDIN_FILENO, &byte, 1);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct guest guest;
	struct err err = ERR_INIT;
	uint64_t begin = clock_now_ms();
	int r;

	if (argc != 7 && argc != 8) {
		(void)fprintf(stderr,
			      "usage: testbed-boot VMM KERNEL INITRAMFS MIB CPUS CMDLINE [LINE]\n");
		return 2;
	}
	if (prepare(&guest, &err) < 0 || start(&guest, argv, &err) < 0)
		return fail(&err);
	(void)fprintf(stderr, "boot: pid %d runs after %llu ms\n", (int)guest.child.id.pid,
		      (unsigned long long)(clock_now_ms() - begin));
	r = run(&guest, argv[7]);
	(void)engine_kvm.kill(&guest.vm, &err);
	(void)file_remove_tree(AT_FDCWD, guest.folder);
	return r;
}
