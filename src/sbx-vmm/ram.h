/*
 * The guest's memory: one memfd, shared with the backends, mapped here and put
 * at the guest's addresses (boot/layout.h). Nothing is reserved: a page exists
 * from its first use until the guest reports it free. The file's size is
 * sealed, so that no backend can cut it under our feet.
 */
#ifndef SBX_VMM_RAM_H
#define SBX_VMM_RAM_H

#include <stddef.h>
#include <stdint.h>

#include "vhost/frontend.h"
#include "vm/guestmem.h"

struct err;
struct hv_vm;

enum { RAM_MIN_BYTES = 32 << 20, RAM_PAGE = 4096, RAM_HUGE_PAGE = 2 << 20, RAM_REGIONS = 2 };

struct ram {
	int fd; /* owned */
	uint64_t size;
	struct guestmem map;
	struct vhost_frontend_region region[RAM_REGIONS]; /* for backends; map.count of them */
	unsigned dear_pieces; /* huge pages that cost more than they save */
};

/* size: bytes, rounded down to pages. The sentence says what the host cannot give. */
int ram_init(struct ram *ram, uint64_t size, struct err *err);
void ram_finish(struct ram *ram);

/* Gives the guest its memory. */
int ram_plug(struct ram *ram, struct hv_vm *vm, struct err *err);

/*
 * Backs [gpa, gpa + size), from the huge page that holds gpa to the last whole one, by huge pages
 * where the host can, before anything is written there: the guest then leaves once for 2 MiB and
 * not for each page of it. Nothing comes of it where the host cannot, and not much where it has no
 * huge pages at hand and moves other memory out of the way for each. What the guest does not need
 * of it after all comes back as any free page does.
 */
void ram_gather(struct ram *ram, uint64_t gpa, uint64_t size);

/*
 * The guest does not need [gpa, gpa + size) for now: whole pages in it go back
 * to the host and read as zero. What is not memory is left alone.
 */
void ram_discard(struct ram *ram, uint64_t gpa, uint64_t size);

/* The same for a place in our mapping, as a virtqueue's buffer names it. */
void ram_discard_host(struct ram *ram, const void *host, size_t size);

#endif
