/*
 * Writes a tar archive: ustar, with a pax header in front of what ustar
 * cannot say (long names, sizes from 8 GiB, fractions of a second, attributes).
 *
 * Bytes leave through a callback in pieces of at most TAR_CHUNK. Calls come
 * in the order entry, data of exactly entry->size_bytes bytes, entry, …, end.
 * Functions return 0 or -errno; the callback's error comes back unchanged.
 */
#ifndef TAR_WRITER_H
#define TAR_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "tar/entry.h"

enum { TAR_CHUNK = 32768 };

typedef int tar_write_fn(void *context, const void *bytes, size_t len, struct err *err);

struct tar_writer {
	tar_write_fn *write;
	void *context;
	uint64_t left;	/* bytes of data that the entry still needs */
	size_t padding; /* zeros that then fill its last block */
	size_t len;	/* bytes waiting in chunk */
	uint8_t chunk[TAR_CHUNK];
};

void tar_writer_init(struct tar_writer *writer, tar_write_fn *write, void *context);

int tar_writer_entry(struct tar_writer *writer, const struct tar_entry *entry, struct err *err);
/* -EINVAL when the entry takes no more than it got. */
int tar_writer_data(struct tar_writer *writer, const void *bytes, size_t len, struct err *err);
/* Ends the archive and hands out what is left. */
int tar_writer_end(struct tar_writer *writer, struct err *err);

#endif
