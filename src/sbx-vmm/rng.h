/*
 * virtio-rng (virtio 1.2 §5.4): the guest's entropy comes from getrandom(2).
 */
#ifndef SBX_VMM_RNG_H
#define SBX_VMM_RNG_H

struct device;
struct err;
struct guestmem;
struct loop;

int rng_create(const struct guestmem *mem, struct loop *loop, struct device **ret, struct err *err);

#endif
