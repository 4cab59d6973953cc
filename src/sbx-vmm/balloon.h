/*
 * virtio-balloon (virtio 1.2 §5.5): memory that the guest does not use goes
 * back to the host. By itself through free page reporting; on demand when the
 * balloon is given a size, from which the guest takes pages back rather than
 * run out of memory.
 */
#ifndef SBX_VMM_BALLOON_H
#define SBX_VMM_BALLOON_H

#include <stdint.h>

struct device;
struct err;
struct loop;
struct ram;

int balloon_create(struct ram *ram, struct loop *loop, struct device **ret, struct err *err);

/* Asks the guest to get along with target_bytes; more than all of it is all of it. */
void balloon_set_target(struct device *device, uint64_t target_bytes);

/* Bytes that the guest says it has put into the balloon. */
uint64_t balloon_bytes(struct device *device);

#endif
