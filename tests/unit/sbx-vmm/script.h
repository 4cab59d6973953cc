/*
 * A machine around a scripted hypervisor: what a vCPU does to registers and
 * ports is a list of steps, and its effect is seen in guest memory.
 */
#ifndef TESTS_UNIT_SBX_VMM_SCRIPT_H
#define TESTS_UNIT_SBX_VMM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "hv/fake/fake.h"
#include "sbx-vmm/machine.h"
#include "sbx-vmm/options.h"
#include "wire/vmm.h"

struct loop;

enum {
	STEPS_MAX = 128,
	/* where the guest's one queue and its one buffer stand */
	DESC = 0x2000000,
	AVAIL = 0x2001000,
	USED = 0x2002000,
	BUFFER = 0x2003000,
};

struct fixture {
	struct hv_fake fake;
	struct hv_fake_step steps[STEPS_MAX];
	size_t count;
	struct options options;
	struct loop *loop;
	struct machine *machine;
	struct err err;
	struct vmm_answer answer;
	const struct hv_impl *hv;
};

/* 64 MiB, one vCPU, a small vmlinux, no backends; steps are added, then it is built. */
bool script_init(struct fixture *f);
void script_finish(struct fixture *f);

struct hv_fake_step *script_add(struct fixture *f, struct hv_fake_step step);

/* An access to a register of the device in a slot. */
struct hv_fake_step *script_register(struct fixture *f, unsigned slot, uint32_t offset, bool write,
				     uint32_t value);

/* A byte to a port. */
void script_out(struct fixture *f, uint16_t port, uint8_t value);

/* The steps by which a driver brings up one queue of 8 entries of a device. */
void script_bring_up(struct fixture *f, unsigned slot, uint32_t queue, uint32_t features);

/* For hv_fake_step.before: one chain of one writable buffer of 64 bytes is there to be taken. */
void script_offer(void *fixture);

/* For hv_fake_step.before: waits, in the place of the guest, until the chain was used. */
void script_await_used(void *fixture);

/* Guest memory. */
uint8_t *script_ram(struct fixture *f);

int script_build(struct fixture *f);

/* Builds and runs until it ends; answer is filled in. */
enum vmm_state script_run(struct fixture *f);

#endif
