/*
 * sbx-vmm: one virtual machine. It holds /dev/kvm, the guest's memory and the
 * vCPUs; data goes past it, between guest and backends. It is started by sbxd
 * with open descriptors (options.h), locks itself in, builds the machine, runs
 * it and ends with it.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "hv/hv.h"
#include "jail/jail.h"
#include "sbx-vmm/bounds.h"
#include "sbx-vmm/control.h"
#include "sbx-vmm/machine.h"
#include "sbx-vmm/options.h"
#include "seccomp_vmm_main.h"
#include "seccomp_vmm_vcpu.h"

enum {
	LOG_BYTES_MAX = 1 << 20,
	/* For who waits to hear why there is no machine; short, for its backends have ended, and
	 * who sees that looks for the one that failed. */
	FAREWELL_MS = 100,
};

struct vmm {
	struct options options;
	struct loop *loop;
	struct control control;
	struct machine *machine; /* NULL: it could not be made */
	struct err why;		 /* then */
};

static void report(void *ctx, struct vmm_answer *ret)
{
	struct vmm *vmm = ctx;

	if (vmm->machine != NULL) {
		machine_report(vmm->machine, ret);
		return;
	}
	*ret = (struct vmm_answer){ .state = VMM_FAILED };
	memcpy(ret->text, vmm->why.text, strnlen(vmm->why.text, sizeof(ret->text) - 1));
}

static void balloon(void *ctx, uint64_t bytes)
{
	struct vmm *vmm = ctx;

	if (vmm->machine != NULL)
		machine_balloon(vmm->machine, bytes);
}

static int backend(void *ctx, uint64_t index, int socket, struct err *err)
{
	struct vmm *vmm = ctx;

	if (vmm->machine != NULL)
		return machine_replace(vmm->machine, index, socket, err);
	(void)close(socket);
	return err_set(err, -ENODEV, "there is no machine");
}

static const struct control_impl control_impl = {
	.report = report,
	.balloon = balloon,
	.backend = backend,
};

static void ended(void *ctx)
{
	struct vmm *vmm = ctx;

	loop_stop(vmm->loop);
}

static int enter_jail(const struct options *options, struct err *err)
{
	struct jail_config config = { .name = "sbx-vmm",
				      .keep_fds = options->last_fd + 1,
				      .filter = seccomp_vmm_main,
				      .filter_len = countof(seccomp_vmm_main),
				      .max_files = VMM_FILES_MAX,
				      .weak = options->weak_jail };
	unsigned skipped = 0;
	int r = jail_enter(&config, &skipped, err);

	if (r == 0 && skipped != 0)
		log_warning("the jail lacks steps 0x%x of this host", skipped);
	return r;
}

static int run_machine(struct vmm *vmm)
{
	struct vmm_answer answer;

	machine_go(vmm->machine);
	(void)loop_run(vmm->loop);
	control_tell_end(&vmm->control);
	machine_report(vmm->machine, &answer);
	if (answer.state != VMM_RESET) {
		log_error("%s", answer.text);
		return EXIT_FAILURE;
	}
	log_info("%s", answer.text);
	return EXIT_SUCCESS;
}

/* Somebody is about to ask what became of the machine. */
static int tell_failure(struct vmm *vmm)
{
	uint64_t deadline = clock_now_ms() + FAREWELL_MS;

	log_error("%s", vmm->why.text);
	while (vmm->control.answered == 0 && clock_left_ms(deadline) > 0)
		(void)loop_step(vmm->loop, clock_left_ms(deadline));
	return EXIT_FAILURE;
}

static int run(struct vmm *vmm)
{
	struct machine_config config = {
		.hv = &hv_kvm,
		.options = &vmm->options,
		.loop = vmm->loop,
		.vcpu_filter = seccomp_vmm_vcpu,
		.vcpu_filter_len = countof(seccomp_vmm_vcpu),
		.ended = ended,
		.ctx = vmm,
	};
	int r = control_init(&vmm->control, vmm->loop, vmm->options.control, &control_impl, vmm);

	if (r < 0) {
		log_error("cannot listen to the supervisor: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	if (machine_create(&config, &vmm->machine, &vmm->why) == 0)
		r = run_machine(vmm);
	else
		r = tell_failure(vmm);
	machine_destroy(vmm->machine);
	control_finish(&vmm->control);
	return r;
}

int main(int argc, char **argv)
{
	struct vmm vmm = { .why = ERR_INIT };
	int r;

	log_open(&(struct log_config){ .program = "sbx-vmm",
				       .fd = STDERR_FILENO,
				       .max_bytes = LOG_BYTES_MAX,
				       .level = LOG_LEVEL_INFO });
	/* One for all threads: each further one costs memory, and after the eighth libc looks at
	 * /sys. */
	(void)mallopt(M_ARENA_MAX, 1);
	if (options_parse(argc, argv, &vmm.options, &vmm.why) < 0 ||
	    enter_jail(&vmm.options, &vmm.why) < 0) {
		log_error("%s", vmm.why.text);
		return EXIT_FAILURE;
	}
	r = loop_create(&vmm.loop);
	if (r < 0) {
		log_error("no event loop: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	r = run(&vmm);
	loop_destroy(vmm.loop);
	return r;
}
