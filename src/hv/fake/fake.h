/*
 * A hypervisor that plays a script: the test double of everything above hv.
 *
 * Each vCPU has a list of exits; hv_vcpu_run() hands out the next one. When
 * the caller comes back, what it put into a read is kept in the step, so the
 * test can look at it. After the last step a vCPU waits for a kick, as a
 * halted one does. Lines, doorbells and memory that were set are written down
 * and, like the script, belong to the test, which creates and frees them.
 *
 * `hv_fake_plain` is the same without the optional abilities.
 */
#ifndef HV_FAKE_FAKE_H
#define HV_FAKE_FAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/hv.h"

enum { HV_FAKE_CPUS = 4, HV_FAKE_RECORDS = 64 };

struct hv_fake_step {
	enum hv_exit_kind kind;
	uint64_t address;	   /* MMIO, PIO */
	uint32_t width, count;	   /* MMIO, PIO; at most 8 bytes together */
	bool write;		   /* MMIO, PIO */
	uint64_t value;		   /* little-endian; a read's answer once the vCPU ran again */
	uint64_t reason;	   /* SYSTEM_EVENT, FAIL */
	void (*before)(void *ctx); /* optional: happens in the guest just before this exit */
	void *ctx;
};

struct hv_fake_script {
	struct hv_fake_step *steps; /* weak */
	size_t count, next;
};

struct hv_fake_memory {
	uint64_t gpa, size;
	void *host;
};

struct hv_fake_doorbell {
	uint64_t gpa;
	uint32_t value;
	int fd;
};

struct hv_fake_line {
	bool level;
	unsigned rises;
	int fd; /* of hv_irq_fd(), -1 */
};

struct hv_fake {
	struct hv_fake_script cpu[HV_FAKE_CPUS];
	struct hv_entry entry; /* of vCPU 0 */
	struct hv_fake_memory memory[HV_FAKE_RECORDS];
	size_t memory_count;
	struct hv_fake_doorbell doorbell[HV_FAKE_RECORDS];
	size_t doorbell_count;
	struct hv_fake_line line[HV_FAKE_RECORDS];
	pthread_mutex_t lock; /* lines and kicks: other threads may set them */
	pthread_cond_t kicked;
	bool kick[HV_FAKE_CPUS];
	int fail_vm, fail_vcpu; /* -errno that creation shall return */
};

void hv_fake_init(struct hv_fake *fake);
void hv_fake_finish(struct hv_fake *fake);

extern const struct hv_impl hv_fake_full;
extern const struct hv_impl hv_fake_plain;

#endif
