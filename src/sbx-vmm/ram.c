#include "sbx-vmm/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "boot/layout.h"
#include "hv/hv.h"

/* MADV_COLLAPSE of Linux 6.1, which libc does not know yet. */
enum { COLLAPSE = 25 };

enum {
	SAMPLE_PAGES = 4,
	TOUCH_FACTOR = 3,    /* a first touch by the guest is an exit and a fault of ours */
	DEAR_PIECES_MAX = 2, /* huge pages that cost too much: one is chance */
};

static int check_size(uint64_t size, struct err *err)
{
	struct sysinfo info;
	uint64_t total;

	if (size < RAM_MIN_BYTES)
		return err_set(err, -EINVAL, "%llu MiB of memory are too little, %d are the least",
			       (unsigned long long)size >> 20, RAM_MIN_BYTES >> 20);
	if (sysinfo(&info) < 0)
		return 0; /* then the first page that is missing will tell */
	total = (uint64_t)info.totalram * info.mem_unit;
	if (size > total)
		return err_set(err, -ENOMEM,
			       "%llu MiB of memory are more than this host has (%llu MiB)",
			       (unsigned long long)size >> 20, (unsigned long long)total >> 20);
	return 0;
}

static int add_region(struct ram *ram, uint64_t gpa, uint64_t size, uint64_t offset)
{
	size_t index = ram->map.count;
	int r = guestmem_map(&ram->map, gpa, size, gpa, ram->fd, offset);

	if (r < 0)
		return r;
	ram->region[index] = (struct vhost_frontend_region){
		.gpa = gpa, .size = size, .fd = ram->fd, .offset = offset
	};
	/* Where the host has huge pages for shared memory by itself, they halve the cost of a
	 * fault. */
	(void)madvise(ram->map.region[index].host, size, MADV_HUGEPAGE);
	return 0;
}

static int open_file(struct ram *ram)
{
	ram->fd = memfd_create("guest-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ram->fd < 0 || ftruncate(ram->fd, (off_t)ram->size) < 0 ||
	    fcntl(ram->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

int ram_init(struct ram *ram, uint64_t size, struct err *err)
{
	uint64_t low = min_of(size, LAYOUT_RAM_HOLE);
	int r;

	*ram = (struct ram){ .fd = -1, .size = size - size % RAM_PAGE };
	r = check_size(size, err);
	if (r < 0)
		return r;
	low -= low % RAM_PAGE;
	r = open_file(ram);
	if (r == 0)
		r = add_region(ram, 0, low, 0);
	if (r == 0 && ram->size > low)
		r = add_region(ram, LAYOUT_RAM_ABOVE, ram->size - low, low);
	if (r < 0) {
		ram_finish(ram);
		return err_set_errno(err, r, "cannot make %llu MiB of guest memory",
				     (unsigned long long)size >> 20);
	}
	return 0;
}

void ram_finish(struct ram *ram)
{
	guestmem_finish(&ram->map);
	if (ram->fd >= 0)
		(void)close(ram->fd);
	ram->fd = -1;
}

int ram_plug(struct ram *ram, struct hv_vm *vm, struct err *err)
{
	for (size_t i = 0; i < ram->map.count; i++) {
		const struct guestmem_region *region = &ram->map.region[i];
		int r = hv_mem_map(vm, region->gpa, region->host, region->size);

		if (r < 0)
			return err_set_errno(err, r, "the hypervisor does not take %llu MiB",
					     (unsigned long long)region->size >> 20);
	}
	return 0;
}

static uint64_t cpu_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * Backs 2 MiB by a huge page; false when that took more than the guest's first touches of its
 * pages, one by one, would: some of them are touched here to see what one costs. (Linux gathers
 * no range that is empty, so the first is needed anyway.)
 */
static bool gather_piece(volatile uint8_t *piece)
{
	uint64_t begin, touched;

	*piece = 0;
	begin = cpu_now_ns();
	for (size_t i = 1; i <= SAMPLE_PAGES; i++)
		piece[i * RAM_PAGE] = 0;
	touched = cpu_now_ns();
	return madvise((void *)piece, RAM_HUGE_PAGE, COLLAPSE) == 0 &&
	       cpu_now_ns() - touched <=
		       (touched - begin) / SAMPLE_PAGES * TOUCH_FACTOR * (RAM_HUGE_PAGE / RAM_PAGE);
}

void ram_gather(struct ram *ram, uint64_t gpa, uint64_t size)
{
	uint64_t first = gpa - gpa % RAM_HUGE_PAGE;
	uint64_t len = gpa + size - first - (gpa + size) % RAM_HUGE_PAGE;
	volatile uint8_t *host = guestmem_at(&ram->map, first, len);

	if (host == NULL)
		return;
	for (uint64_t at = 0; at < len && ram->dear_pieces < DEAR_PIECES_MAX; at += RAM_HUGE_PAGE)
		ram->dear_pieces += !gather_piece(host + at);
}

void ram_discard_host(struct ram *ram, const void *host, size_t size)
{
	for (size_t i = 0; i < ram->map.count; i++) {
		const struct guestmem_region *region = &ram->map.region[i];
		uint64_t from = (uint64_t)((const uint8_t *)host - region->host);

		if ((const uint8_t *)host >= region->host && range_within(from, size, region->size))
			ram_discard(ram, region->gpa + from, size);
	}
}

void ram_discard(struct ram *ram, uint64_t gpa, uint64_t size)
{
	for (size_t i = 0; i < ram->map.count; i++) {
		const struct guestmem_region *region = &ram->map.region[i];
		uint64_t from = gpa - region->gpa, slack = -gpa % RAM_PAGE;

		if (gpa < region->gpa || !range_within(from, size, region->size) || size < slack)
			continue;
		size = (size - slack) - (size - slack) % RAM_PAGE;
		if (size > 0)
			(void)fallocate(ram->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)(ram->region[i].offset + from + slack), (off_t)size);
		return;
	}
}
