/*
 * testbed-boot VMM KERNEL INITRAMFS MIB CPUS CMDLINE [LINE]: a guest without
 * disks under the kvm engine. Its console goes to stdout until it ends; or,
 * with LINE, until it prints that, whereupon the guest goes on until our stdin
 * ends. Times and exits are told on stderr. Exits 0 when the guest ended by
 * itself without a panic, or LINE came.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "tests/testbed/guest.h"
#include "wire/vmm.h"

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
	if (guest_follow(guest, line) < 0 && line != NULL) {
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
	struct engine_config config;
	struct err err = ERR_INIT;
	uint64_t begin = clock_now_ms();
	int r;

	if (argc != 7 && argc != 8) {
		(void)fprintf(stderr,
			      "usage: testbed-boot VMM KERNEL INITRAMFS MIB CPUS CMDLINE [LINE]\n");
		return 2;
	}
	config = (struct engine_config){
		.vmm = argv[1],
		.kernel = argv[2],
		.initramfs = argv[3],
		.memory_bytes = strtoull(argv[4], NULL, 10) << 20,
		.cpus = (unsigned)strtoul(argv[5], NULL, 10),
		.cmdline = argv[6],
		.fs_fd = -1,
		.vsock_fd = -1,
	};
	if (guest_start(&guest, &config, &err) < 0) {
		(void)fprintf(stderr, "boot: %s\n", err.text);
		return EXIT_FAILURE;
	}
	(void)fprintf(stderr, "boot: pid %d runs after %llu ms\n", (int)guest.child.id.pid,
		      (unsigned long long)(clock_now_ms() - begin));
	r = run(&guest, argv[7]);
	guest_finish(&guest);
	return r;
}
