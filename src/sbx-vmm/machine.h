/*
 * One virtual machine, built top to bottom by machine_create(): memory, vCPUs,
 * devices, kernel. Nothing of it is global; it lives on the main thread's loop.
 */
#ifndef SBX_VMM_MACHINE_H
#define SBX_VMM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "sbx-vmm/options.h"
#include "wire/vmm.h"

struct err;
struct hv_fake;
struct hv_impl;
struct loop;
struct machine;
struct sock_filter;

struct machine_config {
	const struct hv_impl *hv;
	struct hv_fake *fake;	       /* weak, hv_fake only */
	const struct options *options; /* weak; descriptors stay open while the machine lives */
	struct loop *loop;	       /* weak */
	const struct sock_filter *vcpu_filter; /* see vcpu.h */
	size_t vcpu_filter_len;
	/* On the loop, once: the machine has ended, machine_report() tells how. */
	void (*ended)(void *ctx);
	void *ctx;
};

/* Builds it up to the guest's first instruction. */
int machine_create(const struct machine_config *config, struct machine **ret, struct err *err);

/* Lets the guest run. */
void machine_go(struct machine *machine);

/* Its state, counters and, when it has ended, how; text is a sentence or the kernel's last lines.
 */
void machine_report(struct machine *machine, struct vmm_answer *ret);

/* Asks the guest to get along with bytes of memory. */
void machine_balloon(struct machine *machine, uint64_t bytes);

/*
 * Has another backend, at this connected socket, serve a device whose backend ended; index: of
 * options->device. The socket is taken over in any case.
 */
int machine_replace(struct machine *machine, uint64_t index, int socket, struct err *err);

/* Ends whatever runs; NULL is fine. */
void machine_destroy(struct machine *machine);

#endif
