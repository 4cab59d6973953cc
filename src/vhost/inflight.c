#include "vhost/inflight.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "virtio/inflight.h"
#include "virtio/queue.h"

static int map(const struct vhost_area *area, int fd, struct vhost_inflight *ret)
{
	void *mapping;

	mapping = mmap(NULL, area->offset + area->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	*ret = (struct vhost_inflight){ .mapping = mapping,
					.mapped = area->offset + area->size,
					.offset = area->offset,
					.queues = area->queues,
					.queue_size = area->queue_size };
	return 0;
}

static struct virtq_inflight *record(const struct vhost_inflight *inflight, unsigned index)
{
	size_t stride = virtq_inflight_bytes(inflight->queue_size);

	return (void *)(inflight->mapping + inflight->offset + stride * index);
}

/* The size is sealed, so that nobody who holds it later can be hurt by its end. */
static int fill(int fd, const struct vhost_area *area)
{
	struct vhost_inflight inflight;
	int r;

	if (ftruncate(fd, (off_t)area->size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	r = map(area, fd, &inflight);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < area->queues; i++)
		virtq_inflight_init(record(&inflight, i), area->queue_size);
	vhost_inflight_finish(&inflight);
	return 0;
}

int vhost_inflight_make(uint16_t queues, uint16_t queue_size, struct vhost_area *ret_area,
			int *ret_fd)
{
	const struct vhost_area area = { .size = queues * virtq_inflight_bytes(queue_size),
					 .queues = queues,
					 .queue_size = queue_size };
	int fd, r;

	if (queues == 0 || queue_size == 0 || queue_size > VIRTQ_SIZE_MAX)
		return -EINVAL;
	fd = memfd_create("inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = fill(fd, &area);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_area = area;
	*ret_fd = fd;
	return 0;
}

int vhost_inflight_map(const struct vhost_area *area, int fd, struct vhost_inflight *ret)
{
	struct stat file;

	if (area->queue_size == 0 || area->queue_size > VIRTQ_SIZE_MAX ||
	    area->size < area->queues * virtq_inflight_bytes(area->queue_size) ||
	    area->offset % _Alignof(struct virtq_inflight) != 0)
		return -EINVAL;
	if (fstat(fd, &file) < 0)
		return -errno;
	if (!S_ISREG(file.st_mode) ||
	    !range_within(area->offset, area->size, (uint64_t)file.st_size))
		return -EINVAL;
	return map(area, fd, ret);
}

void vhost_inflight_finish(struct vhost_inflight *inflight)
{
	if (inflight->mapping != NULL)
		(void)munmap(inflight->mapping, inflight->mapped);
	*inflight = (struct vhost_inflight){ .mapping = NULL };
}

struct virtq_inflight *vhost_inflight_at(const struct vhost_inflight *inflight, unsigned index,
					 uint16_t size)
{
	struct virtq_inflight *found;

	if (inflight->mapping == NULL || index >= inflight->queues || size > inflight->queue_size)
		return NULL;
	found = record(inflight, index);
	return virtq_inflight_fits(found, size) ? found : NULL;
}
