/*
 * The vCPUs and their threads.
 *
 * A thread creates its vCPU, locks itself in with a filter narrower than the
 * process's, and waits; when all are there they run together. From then on a
 * thread only runs guest code and takes its exits to the bus. The first exit
 * that ends the machine is told to the main thread; after that, and at
 * vcpus_stop(), every thread leaves.
 */
#ifndef SBX_VMM_VCPU_H
#define SBX_VMM_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "boot/layout.h"
#include "hv/entry.h"

struct bus;
struct hv_vcpu;
struct hv_vm;
struct sock_filter;

/* How the machine ended: by a reset of the guest's, or because vCPU `cpu` failed. */
struct vcpu_end {
	unsigned cpu;
	bool failed;
	uint64_t reason; /* failed: as in struct hv_exit */
	const char *why; /* failed: a constant */
};

/* Exits of all vCPUs. */
struct vcpu_counts {
	uint64_t mmio, pio, other;
};

struct vcpus_config {
	struct hv_vm *vm;		  /* weak */
	const struct bus *bus;		  /* weak */
	unsigned count;			  /* at most LAYOUT_CPUS_MAX */
	struct hv_entry entry;		  /* of vCPU 0 */
	const struct sock_filter *filter; /* of the threads; NULL: none */
	size_t filter_len;
	struct loop *loop;				      /* weak */
	void (*ended)(void *ctx, const struct vcpu_end *end); /* on the loop, once */
	void *ctx;
};

struct vcpus;

struct vcpu {
	struct vcpus *owner; /* weak */
	unsigned id;
	pthread_t thread;
	struct hv_vcpu *hv;		   /* the thread's; others may kick it under lock */
	_Atomic uint64_t mmio, pio, other; /* exits; only the thread adds to them */
};

struct vcpus {
	struct vcpus_config config;
	struct vcpu cpu[LAYOUT_CPUS_MAX];
	unsigned threads; /* that were started */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned ready; /* threads that have a vCPU, under lock */
	bool go;	/* all may run, under lock */
	int failed;	/* -errno of a thread that has none, under lock */
	struct err why; /* of it */
	bool has_end;	/* under lock */
	struct vcpu_end end;
	atomic_bool stopping;
	int ended_event; /* owned eventfd */
	struct loop_watch ended;
};

/* Makes threads and vCPUs; they wait. vcpus stays where it is until vcpus_stop(). */
int vcpus_start(struct vcpus *vcpus, const struct vcpus_config *config, struct err *err);

/* Lets the guest run. */
void vcpus_go(struct vcpus *vcpus);

/* How often they have left the guest. */
void vcpus_count(const struct vcpus *vcpus, struct vcpu_counts *ret);

/* Ends all threads. They must not wait for this thread any more (calls_close()). */
void vcpus_stop(struct vcpus *vcpus);

#endif
