/*
 * The input: three bytes say how the rest is cut into buffers that we may read
 * and one that we may write, and whether the driver can flush; the bytes
 * themselves are what the guest wrote.
 * Nothing but the writable part may change.
 */
#include <assert.h>
#include <linux/virtio_blk.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "block/request.h"
#include "tests/fuzz/fuzz.h"

enum { IMAGE = 64 << 10, READABLE_MAX = 2048, WRITABLE_MAX = 2048 };

static struct disk disk = { .fd = -1 };

static void open_disk(void)
{
	struct err err = ERR_INIT;
	int fd = memfd_create("image", MFD_CLOEXEC);
	int r = ftruncate(fd, IMAGE) < 0 ? -1 : disk_open(&disk, fd, false, "vdb", &err);

	assert(r == 0);
	(void)r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t readable[READABLE_MAX], before[READABLE_MAX], writable[WRITABLE_MAX];
	struct block_request request;
	struct iovec vec[3];
	size_t split, in, out;

	if (disk.fd < 0)
		open_disk();
	if (size < 3 || size - 3 > READABLE_MAX)
		return 0;
	block_negotiated(&disk, (data[1] & 0x80) == 0 ? block_features(&disk) : 0);
	in = size - 3;
	split = data[0] < in ? data[0] : in;
	memcpy(readable, data + 3, in);
	memcpy(before, readable, in);
	vec[0] = (struct iovec){ readable, split };
	vec[1] = (struct iovec){ readable + split, in - split };
	out = (size_t)(data[1] << 8 | data[2]) % WRITABLE_MAX;
	vec[2] = (struct iovec){ writable, out };
	if (block_request_parse(&request, &disk, vec, 2, 3) < 0) {
		assert(out == 0);
		return 0;
	}
	if (!block_request_try(&request))
		block_request_run(&request);
	assert(request.done);
	assert(block_request_finish(&request) <= out);
	assert(memcmp(readable, before, in) == 0);
	return 0;
}
