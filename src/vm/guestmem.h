/*
 * The only door to guest memory.
 *
 * A map of guest-physical ranges onto memory mapped here. The guest (and its
 * other vCPUs) may change any byte at any moment: copy once with
 * guestmem_read(), believe the copy, or pass the pointer of guestmem_at() to
 * the kernel (preadv and the like) without looking behind it.
 *
 * Regions never overlap. Lookups are bounds-checked, never cross a region and
 * never overflow: an address that is not memory is -EFAULT or NULL, nothing
 * else.
 */
#ifndef VM_GUESTMEM_H
#define VM_GUESTMEM_H

#include <stddef.h>
#include <stdint.h>

enum { GUESTMEM_REGIONS_MAX = 8 };

struct guestmem_region {
	uint64_t gpa;	/* guest-physical start */
	uint64_t size;	/* bytes */
	uint64_t uaddr; /* the frontend's own address of it (vhost-user ring addresses) */
	uint8_t *host;	/* mapped here */
	void *mapping;	/* owned mmap; NULL when the memory is borrowed */
	size_t mapping_size;
};

struct guestmem {
	struct guestmem_region region[GUESTMEM_REGIONS_MAX];
	size_t count;
};

/*
 * Maps size bytes of fd from offset as guest memory at gpa; fd stays the
 * caller's. -ENOSPC: too many regions, -EEXIST: overlap, -EINVAL: empty, wraps
 * or lies past the end of the file, or -errno of mmap.
 */
int guestmem_map(struct guestmem *mem, uint64_t gpa, uint64_t size, uint64_t uaddr, int fd,
		 uint64_t offset);

/* Adds memory that the caller owns and keeps mapped; its uaddr is host. Errors as above. */
int guestmem_add(struct guestmem *mem, uint64_t gpa, uint64_t size, void *host);

/* Unmaps all that guestmem_map() mapped and forgets every region. */
void guestmem_finish(struct guestmem *mem);

/* Where [gpa, gpa + len) stands here; NULL unless it lies within one region. */
void *guestmem_at(const struct guestmem *mem, uint64_t gpa, uint64_t len);

/* Where [uaddr, uaddr + len) of the frontend's address space stands here; NULL as above. */
void *guestmem_at_uaddr(const struct guestmem *mem, uint64_t uaddr, uint64_t len);

/* Copies len bytes; -EFAULT. */
int guestmem_read(const struct guestmem *mem, uint64_t gpa, void *to, size_t len);
int guestmem_write(const struct guestmem *mem, uint64_t gpa, const void *from, size_t len);

#endif
