/*
 * One disk served as a virtio block device: joins block/ to vhost/.
 *
 * Requests that the page cache can answer are done at once, in the order of
 * the queue; what would wait for the host's disk (reads of what is not in
 * memory, flush, discard, write-zeroes) is the crew's work, so that a slow
 * flush of one disk holds up neither its reads nor the other disks.
 */
#ifndef SBX_BLK_DEVICE_H
#define SBX_BLK_DEVICE_H

#include <stdbool.h>

struct crew;
struct device;
struct err;
struct loop;

struct device_config {
	struct loop *loop; /* weak; stopped when the frontend is gone */
	struct crew *crew; /* weak; the loop's */
	int socket, image; /* the device's on success */
	bool read_only;
	const char *id; /* the serial that the guest sees */
};

int device_create(const struct device_config *config, struct device **ret, struct err *err);
void device_destroy(struct device *device);

/* Looks whether the image has grown, and tells the driver. */
void device_grow(struct device *device);

#endif
