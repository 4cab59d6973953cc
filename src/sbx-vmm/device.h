/*
 * A virtio device of the machine: its registers, its eventfds, and behind them
 * either a backend process (served.h) or a few lines of our own (local.h).
 *
 * Registers are touched by vCPU threads, under `lock`. Everything else
 * (impl's functions) happens on the main thread.
 */
#ifndef SBX_VMM_DEVICE_H
#define SBX_VMM_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "virtio/mmio.h"

struct calls;
struct device;
struct err;
struct hv_access;
struct hv_vm;

/* What the driver set up; a copy, so that no register is looked at behind its lock. */
struct device_setup {
	uint64_t features;
	struct virtio_mmio_queue queue[VIRTIO_MMIO_QUEUES_MAX];
};

/* All members but those marked optional must be set. */
struct device_impl {
	/* Serves the queues that are ready, from their beginning. */
	int (*start)(struct device *device, const struct device_setup *setup, struct err *err);
	/* Touches no queue any more. */
	void (*stop)(struct device *device);
	/* Optional: the driver wrote to the writable part of configuration space. */
	void (*config_written)(struct device *device);
	/* Frees the device, which is stopped. */
	void (*destroy)(struct device *device);
};

struct device {
	const struct device_impl *impl;
	const char *name;    /* for sentences; a constant */
	struct calls *calls; /* weak */
	struct hv_vm *vm;    /* weak */
	uint32_t line;	     /* interrupt */
	bool running;	     /* started and not stopped; the main thread's */
	pthread_mutex_t lock;
	struct virtio_mmio mmio;	  /* under lock */
	int call;			  /* owned eventfd: interrupts the driver */
	int kick[VIRTIO_MMIO_QUEUES_MAX]; /* owned eventfds: the driver rings */
	struct loop_watch pulse;	  /* of call, where the hypervisor does not take it */
};

int device_init(struct device *device, const struct device_impl *impl, const char *name,
		const struct virtio_mmio_config *config, struct err *err);

/* Closes what device_init() opened; for impl->destroy. */
void device_finish(struct device *device);

/* Puts the device into slot (0, 1, …) of the machine. */
int device_plug(struct device *device, struct hv_vm *vm, struct loop *loop, struct calls *calls,
		unsigned slot, struct err *err);

/* A vCPU's access at an offset of the device's page; on that vCPU's thread. */
void device_access(struct device *device, uint64_t offset, const struct hv_access *access);

/* Interrupts the driver. */
void device_interrupt(struct device *device);

/* Shows the driver new configuration space, and interrupts it. */
void device_set_config(struct device *device, const void *bytes, size_t len);

/* The device cannot go on: the driver is told to reset it. */
void device_fail(struct device *device);

/* Serves no queue any more; harmless when it does not. On the main thread. */
void device_stop(struct device *device);

/* Stops and frees it; NULL is fine. */
void device_destroy(struct device *device);

#endif
