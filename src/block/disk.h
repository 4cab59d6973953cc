/*
 * A disk image: the bytes of one raw file, nothing probed, nothing parsed.
 *
 * Reads and writes go straight between the page cache and the caller's
 * buffers, so that images which sandboxes share are in memory once. Offsets and
 * lengths are bytes; every access is checked against the size the disk had when
 * it was opened or last grown. Functions return 0 or -errno; those marked
 * "sleeps" may wait for the host's disk, and may be called on any thread.
 */
#ifndef BLOCK_DISK_H
#define BLOCK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct err;

enum {
	DISK_SECTOR = 512,
	DISK_ID_SIZE = 20, /* bytes, NUL-padded (VIRTIO_BLK_ID_BYTES) */
};

struct disk {
	int fd;		       /* owned */
	_Atomic uint64_t size; /* bytes, a multiple of DISK_SECTOR */
	_Atomic bool lost;     /* the host could not store what was written */
	bool read_only;
	bool punches;	    /* the file system can free parts of the file */
	bool write_through; /* what changes the disk is on stable storage when it is done */
	char id[DISK_ID_SIZE];
};

/* Buffers that shrink from the front as bytes are moved; the array is the caller's. */
struct disk_buffers {
	struct iovec *vec;
	size_t count;
	uint64_t left; /* bytes */
};

/* Passes over len bytes (len <= left). */
void disk_buffers_advance(struct disk_buffers *buffers, size_t len);

/* Takes over fd (on success) as a disk of that access; id is what the guest sees as serial. */
int disk_open(struct disk *disk, int fd, bool read_only, const char *id, struct err *err);
void disk_finish(struct disk *disk);

/* Looks at the file's size again; true when the disk has grown. It never shrinks. */
bool disk_grow(struct disk *disk);

/* Whether [offset, offset + len) lies on the disk. */
bool disk_has(const struct disk *disk, uint64_t offset, uint64_t len);

/*
 * Fills all of the buffers from offset. With `wait` false it moves only what is
 * in memory already: -EAGAIN when some is not, the buffers are then at the first
 * byte that is missing. -EIO: the file is shorter than the disk. Sleeps with `wait`.
 */
int disk_read(const struct disk *disk, uint64_t offset, struct disk_buffers *buffers, bool wait);

/* Writes all of the buffers; sleeps only when the host has no memory for dirty pages left. */
int disk_write(const struct disk *disk, uint64_t offset, struct disk_buffers *buffers);

/* Has the host begin to store what was written there, and does not wait for it; a hint. */
void disk_begin_flush(const struct disk *disk, uint64_t offset, uint64_t len);

/*
 * What was written before is on stable storage after. Sleeps. Once it has failed it
 * fails for ever: the host forgets what it could not write, and says so only once.
 */
int disk_flush(struct disk *disk);

/* The range reads as zero and takes no space. Sleeps. -EOPNOTSUPP where the host cannot. */
int disk_discard(const struct disk *disk, uint64_t offset, uint64_t len);

/* The range reads as zero; its space is kept, or given back when `unmap`. Sleeps. */
int disk_zero(const struct disk *disk, uint64_t offset, uint64_t len, bool unmap);

#endif
