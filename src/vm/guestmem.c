#include "vm/guestmem.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

enum { HUGE_PAGE = 2 << 20 };

/* 0 when [gpa, gpa + size) may become a region. */
static int check_region(const struct guestmem *mem, uint64_t gpa, uint64_t size)
{
	uint64_t end;

	if (size == 0 || size > SIZE_MAX || u64_add(gpa, size, &end) < 0)
		return -EINVAL;
	for (size_t i = 0; i < mem->count; i++) {
		const struct guestmem_region *other = &mem->region[i];

		if (gpa < other->gpa + other->size && other->gpa < end)
			return -EEXIST;
	}
	return mem->count == GUESTMEM_REGIONS_MAX ? -ENOSPC : 0;
}

/* 0 when the file holds [offset, offset + size): touching past its end would be SIGBUS. */
static int check_file(int fd, uint64_t offset, uint64_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return range_within(offset, size, (uint64_t)st.st_size) ? 0 : -EINVAL;
}

/*
 * Maps whole pages of fd where address and offset agree below 2 MiB: only there can one entry
 * of the processor's tables, or of the hypervisor's, stand for a huge page.
 */
static void *map_aligned(size_t size, int fd, off_t offset)
{
	uint8_t *room = mmap(NULL, size + HUGE_PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t skip = (size_t)(offset - (intptr_t)room) % HUGE_PAGE;
	void *mapping;

	if (room == MAP_FAILED)
		return MAP_FAILED;
	mapping = mmap(room + skip, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, offset);
	if (mapping == MAP_FAILED)
		skip = size = 0;
	if (skip > 0)
		(void)munmap(room, skip);
	(void)munmap(room + skip + size, HUGE_PAGE - skip);
	return mapping;
}

int guestmem_map(struct guestmem *mem, uint64_t gpa, uint64_t size, uint64_t uaddr, int fd,
		 uint64_t offset)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t slack = offset % page, whole, end;
	void *mapping;
	int r;

	r = check_region(mem, gpa, size);
	if (r == 0)
		r = check_file(fd, offset, size);
	if (r < 0)
		return r;
	if (u64_add(uaddr, size, &end) < 0)
		return -EINVAL;
	whole = (size + slack + page - 1) / page * page;
	mapping = map_aligned(whole, fd, (off_t)(offset - slack));
	if (mapping == MAP_FAILED)
		return -errno;
	/* The guest's secrets do not belong in our core dumps. */
	(void)madvise(mapping, whole, MADV_DONTDUMP);
	mem->region[mem->count++] = (struct guestmem_region){
		.gpa = gpa,
		.size = size,
		.uaddr = uaddr,
		.host = (uint8_t *)mapping + slack,
		.mapping = mapping,
		.mapping_size = whole,
	};
	return 0;
}

int guestmem_add(struct guestmem *mem, uint64_t gpa, uint64_t size, void *host)
{
	int r = check_region(mem, gpa, size);

	if (r < 0)
		return r;
	mem->region[mem->count++] = (struct guestmem_region){
		.gpa = gpa, .size = size, .uaddr = (uintptr_t)host, .host = host
	};
	return 0;
}

void guestmem_finish(struct guestmem *mem)
{
	for (size_t i = 0; i < mem->count; i++) {
		if (mem->region[i].mapping != NULL)
			(void)munmap(mem->region[i].mapping, mem->region[i].mapping_size);
	}
	mem->count = 0;
}

void *guestmem_at(const struct guestmem *mem, uint64_t gpa, uint64_t len)
{
	for (size_t i = 0; i < mem->count; i++) {
		const struct guestmem_region *region = &mem->region[i];

		if (gpa >= region->gpa && gpa - region->gpa < region->size)
			return range_within(gpa - region->gpa, len, region->size)
				       ? region->host + (gpa - region->gpa)
				       : NULL;
	}
	return NULL;
}

void *guestmem_at_uaddr(const struct guestmem *mem, uint64_t uaddr, uint64_t len)
{
	for (size_t i = 0; i < mem->count; i++) {
		const struct guestmem_region *region = &mem->region[i];

		if (uaddr >= region->uaddr &&
		    range_within(uaddr - region->uaddr, len, region->size))
			return region->host + (uaddr - region->uaddr);
	}
	return NULL;
}

/*
 * The fence keeps the compiler from fetching again, after a check, what was
 * copied before it.
 */
int guestmem_read(const struct guestmem *mem, uint64_t gpa, void *to, size_t len)
{
	const void *from = guestmem_at(mem, gpa, len);

	if (from == NULL)
		return -EFAULT;
	memcpy(to, from, len);
	atomic_signal_fence(memory_order_seq_cst);
	return 0;
}

int guestmem_write(const struct guestmem *mem, uint64_t gpa, const void *from, size_t len)
{
	void *to = guestmem_at(mem, gpa, len);

	if (to == NULL)
		return -EFAULT;
	memcpy(to, from, len);
	return 0;
}
